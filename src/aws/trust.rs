//! The certificates by which AWS is known. The SDK takes them for granted: where there are none, or AWS_CA_BUNDLE is damaged, it
//! panics, or its first call fails in words that nobody can act on.

use std::sync::LazyLock;

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::cloud::{Class, Fault};
use crate::disk;

const BUNDLE: &str = "AWS_CA_BUNDLE";
/// Bytes of it. Every authority that browsers know takes a fiftieth of that.
const MOST_CERTIFICATES: u64 = 16 << 20;
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// What the machine trusts: how many usable root certificates there are, and why the first one could not be read that could
/// not. Read once: on some machines it takes a third of a second.
static MACHINE: LazyLock<(usize, Option<String>)> = LazyLock::new(|| {
    let found = rustls_native_certs::load_native_certs();
    let (usable, _) = RootCertStore::empty().add_parsable_certificates(found.certs);
    (usable, found.errors.first().map(ToString::to_string))
});

/// Whom this process trusts: the machine's root certificates, and those of AWS_CA_BUNDLE.
pub struct Trust {
    store: TrustStore,
    is_empty: bool,
}

impl Trust {
    /// # Errors
    /// AWS_CA_BUNDLE cannot be read, or none of its certificates can be used.
    pub fn read() -> Result<Self, Fault> {
        // An empty store of the machine's must not be asked for: that is what the SDK panics on.
        let mut store = TrustStore::empty().with_native_roots(MACHINE.0 > 0);
        let bundle = std::env::var_os(BUNDLE).filter(|file| !file.is_empty());
        if let Some(file) = &bundle {
            let text = disk::read(file.as_ref(), MOST_CERTIFICATES).map_err(|error| refused(error.to_string()))?;
            for certificate in usable(&String::from_utf8_lossy(&text)).map_err(refused)? {
                store = store.with_pem_certificate(certificate);
            }
        }
        Ok(Self { store, is_empty: MACHINE.0 == 0 && bundle.is_none() })
    }

    /// For a client.
    ///
    /// # Errors
    /// The SDK refuses it.
    pub fn context(&self) -> Result<TlsContext, Fault> {
        TlsContext::builder().with_trust_store(self.store.clone()).build().map_err(|error| refused(error.to_string()))
    }

    /// That somebody can be known over HTTPS at all.
    ///
    /// # Errors
    /// There is not one root certificate.
    pub fn knows_somebody(&self, doing: &str) -> Result<(), Fault> {
        if !self.is_empty {
            return Ok(());
        }
        let set = |name: &str| std::env::var(name).ok().map(|value| format!("{name}={value}"));
        let places: Vec<String> = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().filter_map(|name| set(name)).collect();
        let place = if places.is_empty() { "this machine".to_owned() } else { places.join(" and ") };
        let why = MACHINE.1.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        let what = format!("{place} has no root certificate by which an HTTPS server could be known{why}");
        let help = "install the package ca-certificates (in an image, too), or name a file of PEM certificates by \
                    SSL_CERT_FILE or AWS_CA_BUNDLE";
        Err(Fault::new(Class::Refused, doing, "NoRootCertificates", what).help(help))
    }
}

fn refused(why: String) -> Fault {
    Fault::new(Class::Refused, "reading AWS_CA_BUNDLE", "BadCaBundle", why)
        .help("AWS_CA_BUNDLE names a file of PEM certificates; correct it or unset it")
}

/// The certificates of a bundle that TLS accepts, each as PEM. One that it does not accept spoils no other.
///
/// # Errors
/// There is none, and why.
fn usable(text: &str) -> Result<Vec<String>, String> {
    let (mut good, mut bad) = (Vec::new(), None);
    for (at, _) in text.match_indices(BEGIN) {
        let Some(length) = text[at..].find(END) else { break };
        let block = format!("{}\n", &text[at..at + length + END.len()]);
        match accepts(&block) {
            Ok(()) => good.push(block),
            Err(why) => {
                tracing::warn!(why, "AWS_CA_BUNDLE holds a certificate that cannot be used");
                bad.get_or_insert(why);
            }
        }
    }
    if !good.is_empty() {
        return Ok(good);
    }
    Err(bad.map_or_else(
        || "it holds no PEM certificate".to_owned(),
        |why| format!("it holds no certificate that can be used: {why}"),
    ))
}

fn accepts(pem: &str) -> Result<(), String> {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| error.to_string())?;
    RootCertStore::empty().add(certificate).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of an authority that exists for this test alone.
    const GOOD: &str = include_str!("../../tests/cli/authority.pem");

    #[test]
    fn a_certificate_that_is_damaged_spoils_no_other() {
        let damaged = format!("{BEGIN}\nAAAA\n{END}");
        let whole = format!("# the proxy's\r\n{damaged}\n{GOOD}{GOOD}");
        assert_eq!(usable(&whole), Ok(vec![GOOD.to_owned(), GOOD.to_owned()]));
        assert!(usable(&damaged).is_err_and(|why| why.starts_with("it holds no certificate that can be used: ")));
        for none in ["", "hello", BEGIN, &GOOD[..GOOD.len() - 20]] {
            assert_eq!(usable(none), Err("it holds no PEM certificate".to_owned()), "{none}");
        }
    }
}
