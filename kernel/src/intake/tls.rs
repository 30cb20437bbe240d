//! TLS of a listening address by rustls: what may be negotiated, and certificates that can be renewed.

use std::io;
use std::sync::{Arc, Mutex};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{
    Error, RootCertStore, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion, version,
};
use tokio_rustls::server::TlsStream;

use super::ending::Ending;
use super::inbox::Inbox;
use crate::lock::lock;

pub const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// Versions of TLS by the names that the Collector gives them, the oldest first.
const VERSIONS: [(&str, &SupportedProtocolVersion); 2] =
    [("1.2", &version::TLS12), ("1.3", &version::TLS13)];

/// Curves by the names that the Collector gives them, the usual preference.
const CURVES: [(&str, &dyn SupportedKxGroup); 3] = [
    ("X25519", ring::kx_group::X25519),
    ("P256", ring::kx_group::SECP256R1),
    ("P384", ring::kx_group::SECP384R1),
];

#[pyclass(frozen, module = "penstock._kernel")]
pub struct Tls {
    provider: Arc<CryptoProvider>,
    versions: Vec<&'static SupportedProtocolVersion>,
    system_authorities: bool,
    /// For the handshakes that begin from now on.
    config: Arc<Mutex<Arc<ServerConfig>>>,
}

#[pymethods]
impl Tls {
    #[new]
    #[pyo3(signature = (
        certificate,
        key,
        client_authorities = None,
        *,
        system_authorities = false,
        min_version = "1.2",
        max_version = "1.3",
        cipher_suites = Vec::new(),
        curves = Vec::new(),
    ))]
    #[allow(clippy::too_many_arguments)] // they are named where they are given
    fn new(
        certificate: &[u8],
        key: &[u8],
        client_authorities: Option<&[u8]>,
        system_authorities: bool,
        min_version: &str,
        max_version: &str,
        cipher_suites: Vec<String>,
        curves: Vec<String>,
    ) -> PyResult<Self> {
        let provider = Arc::new(CryptoProvider {
            cipher_suites: suites(&cipher_suites)?,
            kx_groups: groups(&curves)?,
            ..ring::default_provider()
        });
        let versions = versions(min_version, max_version);
        let identity = Identity { certificate, key, client_authorities };
        let config = configure(&provider, &versions, system_authorities, identity)?;
        let config = Arc::new(Mutex::new(Arc::new(config)));
        Ok(Self { provider, versions, system_authorities, config })
    }

    /// Show another certificate to, and ask for others of, whoever connects from now on.
    #[pyo3(signature = (certificate, key, client_authorities = None))]
    fn renew(
        &self,
        certificate: &[u8],
        key: &[u8],
        client_authorities: Option<&[u8]>,
    ) -> PyResult<()> {
        let identity = Identity { certificate, key, client_authorities };
        let config = configure(&self.provider, &self.versions, self.system_authorities, identity)?;
        *lock(&self.config) = Arc::new(config);
        Ok(())
    }
}

impl Tls {
    pub fn acceptor(&self) -> Acceptor {
        Acceptor(Arc::clone(&self.config))
    }
}

/// Makes handshakes with what a `Tls` holds at the time.
pub struct Acceptor(Arc<Mutex<Arc<ServerConfig>>>);

impl Acceptor {
    pub async fn accept(&self, inbox: Inbox) -> Result<Box<TlsStream<Inbox>>, Ending> {
        let config = Arc::clone(&*lock(&self.0));
        let stream = TlsAcceptor::from(config).accept(inbox).await;
        stream.map(Box::new).map_err(|error| ending(&error))
    }
}

fn ending(error: &io::Error) -> Ending {
    let cause = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
    match cause {
        Some(Error::NoCertificatesPresented | Error::InvalidCertificate(_)) => {
            Ending::TlsClientCertificate
        }
        _ => Ending::TlsHandshakeFailed,
    }
}

/// What a server shows to its clients and asks of them, as PEM.
struct Identity<'a> {
    certificate: &'a [u8],
    key: &'a [u8],
    client_authorities: Option<&'a [u8]>,
}

fn configure(
    provider: &Arc<CryptoProvider>,
    versions: &[&'static SupportedProtocolVersion],
    system_authorities: bool,
    identity: Identity<'_>,
) -> PyResult<ServerConfig> {
    let chain = certificates("certificate", identity.certificate)?;
    let key = PrivateKeyDer::from_pem_slice(identity.key)
        .map_err(|_| refused("key", "expected a private key in PEM, without a password"))?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(versions)
        .map_err(|error| refused("versions and cipher suites", error))?;
    let builder = match identity.client_authorities {
        Some(pem) => {
            builder.with_client_cert_verifier(verifier(provider, pem, system_authorities)?)
        }
        None => builder.with_no_client_auth(),
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| refused("certificate with its key", error))?;
    config.alpn_protocols = vec![HTTP2.into(), HTTP1.into()];
    Ok(config)
}

fn verifier(
    provider: &Arc<CryptoProvider>,
    pem: &[u8],
    system_authorities: bool,
) -> PyResult<Arc<dyn ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("client authorities", pem)? {
        roots.add(certificate).map_err(|error| refused("client authorities", error))?;
    }
    if system_authorities {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| refused("client authorities", error))
}

fn certificates(what: &str, pem: &[u8]) -> PyResult<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(refused(what, "expected certificates in PEM")),
    }
}

fn suites(names: &[String]) -> PyResult<Vec<SupportedCipherSuite>> {
    let all = ring::default_provider().cipher_suites;
    let name =
        |suite: &SupportedCipherSuite| format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1);
    if let Some(unknown) = names.iter().find(|wanted| !all.iter().any(|one| name(one) == **wanted))
    {
        return Err(refused("cipher suites", format!("{unknown} is not supported")));
    }
    // As in the Collector, those of TLS 1.3 are not up for choice.
    let wanted =
        |suite: &SupportedCipherSuite| suite.tls13().is_some() || names.contains(&name(suite));
    Ok(all.into_iter().filter(|suite| names.is_empty() || wanted(suite)).collect())
}

fn groups(names: &[String]) -> PyResult<Vec<&'static dyn SupportedKxGroup>> {
    if names.is_empty() {
        return Ok(CURVES.iter().map(|(_, group)| *group).collect());
    }
    let find = |wanted: &String| match CURVES.iter().find(|(name, _)| name == wanted) {
        Some((_, group)) => Ok(*group),
        None => Err(refused("curves", format!("{wanted} is not supported"))),
    };
    names.iter().map(find).collect()
}

fn versions(min: &str, max: &str) -> Vec<&'static SupportedProtocolVersion> {
    let within = VERSIONS.iter().filter(|(name, _)| (min..=max).contains(name));
    within.map(|(_, version)| *version).collect()
}

fn refused(what: &str, reason: impl ToString) -> PyErr {
    PyValueError::new_err(format!("{what}: {}", reason.to_string()))
}
