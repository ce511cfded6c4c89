//! A bound on what an endpoint may answer, since the SDK keeps whatever comes in memory before it looks at it, and passes over
//! what it does not know in a function that calls itself for each level.

use std::error::Error;
use std::fmt;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use futures::StreamExt;
use http_body_util::{BodyStream, LengthLimitError, Limited, StreamBody};

/// Bytes of one answer. The largest ones that AWS gives are pages of GetMetricData with 100,800 points and of ListShards with
/// 10,000 shards: some 5 MB each.
pub const MOST: usize = 32 << 20;

/// Brackets of JSON that may be open at once. AWS nests a handful; the stack of a thread takes some ten thousand.
const DEEPEST: usize = 128;

/// The same client, whose answers end in an error after [`MOST`] bytes, or when more than [`DEEPEST`] brackets are open.
pub fn within(client: SharedHttpClient) -> SharedHttpClient {
    SharedHttpClient::new(Bounded(client))
}

/// What of an answer went beyond the bounds.
pub fn excess(error: &(dyn Error + 'static)) -> Option<String> {
    let mut causes = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    causes.find_map(|error| {
        if error.is::<LengthLimitError>() {
            return Some(format!("the answer has more than {} MiB, and no answer of AWS has", MOST >> 20));
        }
        error.downcast_ref::<TooDeep>().map(ToString::to_string)
    })
}

/// An answer whose brackets are nested too deep.
#[derive(Debug)]
struct TooDeep;

impl fmt::Display for TooDeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the answer nests more than {DEEPEST} deep, and no answer of AWS does")
    }
}

impl Error for TooDeep {}

/// The brackets that are open at one place of a JSON text, or of what is taken for one.
#[derive(Debug, Default)]
struct Depth {
    open: usize,
    quoted: bool,
    escaped: bool,
}

impl Depth {
    fn read(&mut self, text: &[u8]) -> Result<(), TooDeep> {
        for byte in text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = self.quoted,
                b'"' => self.quoted = !self.quoted,
                b'[' | b'{' if !self.quoted => self.open += 1,
                b']' | b'}' if !self.quoted => self.open = self.open.saturating_sub(1),
                _ => {}
            }
            if self.open > DEEPEST {
                return Err(TooDeep);
            }
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Bounded<T>(T);

impl HttpClient for Bounded<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Bounded(self.0.http_connector(settings, components)))
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.validate_base_client_config(components, config)
    }

    fn validate_final_config(&self, components: &RuntimeComponents, config: &ConfigBag) -> Result<(), BoxError> {
        self.0.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

impl HttpConnector for Bounded<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        // Bytes of CBOR are no brackets, and its reader does not call itself.
        let is_text = request.headers().get("smithy-protocol").is_none();
        let answer = self.0.call(request);
        let bound = move |body: SdkBody| {
            let body = Limited::new(body, MOST);
            if !is_text {
                return SdkBody::from_body_1_x(body);
            }
            let mut depth = Depth::default();
            let frames = BodyStream::new(body).map(move |frame| {
                let frame = frame?;
                if let Some(data) = frame.data_ref() {
                    depth.read(data)?;
                }
                Ok::<_, BoxError>(frame)
            });
            SdkBody::from_body_1_x(StreamBody::new(frames))
        };
        HttpConnectorFuture::new(async move { answer.await.map(|answer| answer.map(bound)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&str]) -> bool {
        let mut depth = Depth::default();
        pieces.iter().all(|piece| depth.read(piece.as_bytes()).is_ok())
    }

    #[test]
    fn brackets_count_where_they_are_some() {
        let deep = "[".repeat(DEEPEST);
        assert!(read(&[&deep]));
        assert!(!read(&[&deep, "{"]), "over two pieces");
        assert!(read(&[&deep, "]{"]), "one was closed");
        // A policy is a text within the text.
        assert!(read(&[&deep, r#""[[{\"[[""#, "]]"]));
        assert!(!read(&[&deep, r#""\\\\"["#]), "behind an escaped backslash the text ends");
    }
}
