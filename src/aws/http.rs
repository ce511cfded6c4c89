use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::cloud::{Class, Fault};

/// The HTTPS client of all services. The SDK's own one knows neither HTTPS_PROXY and NO_PROXY nor AWS_CA_BUNDLE,
/// which every other AWS tool honours.
pub fn client() -> Result<SharedHttpClient, Fault> {
    let refuse = |why: String| {
        Fault::new(Class::Refused, "reading AWS_CA_BUNDLE", "BadCaBundle", why)
            .help("AWS_CA_BUNDLE names a file of PEM certificates; correct it or unset it")
    };
    let mut trust = TrustStore::default();
    if let Some(file) = std::env::var_os("AWS_CA_BUNDLE").filter(|file| !file.is_empty()) {
        trust = trust.with_pem_certificate(std::fs::read(file).map_err(|error| refuse(error.to_string()))?);
    }
    let tls = TlsContext::builder().with_trust_store(trust).build().map_err(|error| refuse(error.to_string()))?;
    Ok(Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        if let Some(settings) = settings {
            connector = connector.connector_settings(settings.clone());
        }
        if let Some(sleep) = components.and_then(|components| components.sleep_impl()) {
            connector = connector.sleep_impl(sleep);
        }
        connector.tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(tls.clone()).build()
    }))
}
