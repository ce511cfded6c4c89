use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use tokio::task::JoinSet;

use super::clients::Aws;
use super::errors;
use super::silence::{Silence, Unanswered};
use crate::cloud::{Class, Fault};

/// Waits double from here…
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// …up to here.
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// After so much time without an answer there is no other attempt: a region that hangs is told and not waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tells just before a call whether this process may still make it.
pub type Fence = Arc<dyn Fn() -> bool + Send + Sync>;

tokio::task_local! {
    static FENCE: Fence;
}

/// Makes calls that go out only while `fence` answers yes: it is asked just before each sending, the repeated ones included, since
/// the process may have stood still in between.
pub async fn fenced<T>(fence: Fence, calls: impl Future<Output = T>) -> T {
    FENCE.scope(fence, calls).await
}

/// Why nothing goes out any more, if it does not.
fn forbidden(doing: &str) -> Result<(), Fault> {
    // Without a fence there is nobody else.
    match FENCE.try_with(|fence| fence()) {
        Ok(false) => {
            Err(Fault::new(Class::Unsent, doing, "NotSent", "it was not sent: another replica may have taken over"))
        }
        _ => Ok(()),
    }
}

/// Whether a controller asks or acts, which comes again within a minute: its other streams are not to wait for what is throttled for long.
fn comes_again() -> bool {
    FENCE.try_with(|_| ()).is_ok() || super::patience::is_asking()
}

impl Aws {
    /// Makes one API call: within the operation's published rate, again after throttling and lost connections,
    /// with errors sorted by what the caller should do. `doing` is told in every error. A service that has just let a call time
    /// out is not asked again at once.
    pub async fn call<T, E, F>(&self, operation: &'static str, doing: &str, send: impl Fn() -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'static,
        T: Send + 'static,
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        self.call_with(operation, doing, self.attempts, Some(&self.silence), send).await
    }

    /// The same for what must not happen twice: a call without an answer is not sent again, since it may have worked.
    pub async fn call_once<T, E, F>(
        &self,
        operation: &'static str,
        doing: &str,
        send: impl Fn() -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'static,
        T: Send + 'static,
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        self.call_with(operation, doing, 1, None, send).await
    }

    /// `unanswered`: how often it is sent without getting an answer; `silence`: who is not worth a try.
    async fn call_with<T, E, F>(
        &self,
        operation: &'static str,
        doing: &str,
        unanswered: u32,
        silence: Option<&Silence>,
        send: impl Fn() -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'static,
        T: Send + 'static,
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        if let Some(who) = silence.and_then(|silence| silence.over(operation, tokio::time::Instant::now())) {
            return Err(errors::not_asked(operation, doing, &who));
        }
        let mut wait = FIRST_WAIT;
        let mut tries = 0;
        let began = tokio::time::Instant::now();
        loop {
            super::patience::waiting(self.rates.admit(operation)).await;
            forbidden(doing)?;
            let (fault, hung) = match apart(send()).await {
                Ok(answer) => {
                    self.silence.answered(operation, tokio::time::Instant::now());
                    return Ok(answer);
                }
                Err(error) => (errors::sort(operation, doing, &error), Unanswered::of(&error)),
            };
            tries += 1;
            let limit = match fault.class {
                // Who carries out the plan waits for a place; the calls that look whether there is one are not to be slowed down.
                Class::Throttled if errors::is_full(operation, &fault.code) => 0,
                Class::Throttled if comes_again() => self.attempts,
                Class::Throttled => self.attempts * 2,
                Class::Unreachable if began.elapsed() >= PATIENCE => 0,
                Class::Unreachable => unanswered,
                _ => 0,
            };
            tracing::debug!(operation, tries, class = ?fault.class, code = fault.code, "call failed");
            if fault.class != Class::Unreachable {
                self.silence.answered(operation, tokio::time::Instant::now());
            }
            if tries >= limit {
                if let Some((silence, hung)) = silence.zip(hung) {
                    silence.given_up(operation, hung, tokio::time::Instant::now());
                }
                return Err(fault);
            }
            if fault.class == Class::Throttled {
                self.rates.slow_down(operation);
            }
            // Full jitter: callers that were refused together do not come back together.
            tokio::time::sleep(wait.mul_f64(fastrand::f64())).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

/// Signs, sends and reads on the runtime's threads: a plan waits for many calls in one task, which would do all of it on one.
async fn apart<T: Send + 'static>(call: impl Future<Output = T> + Send + 'static) -> T {
    let mut task = JoinSet::new();
    task.spawn(call);
    match task.join_next().await {
        Some(Ok(answer)) => answer,
        Some(Err(failed)) => std::panic::resume_unwind(failed.into_panic()),
        // One was spawned, and one is asked for.
        None => unreachable!("a task was lost"),
    }
}
