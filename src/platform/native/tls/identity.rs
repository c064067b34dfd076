//! The certificate that a client or a server presents, and its private key.

use std::sync::Arc;

use futures_rustls::pki_types::{CertificateDer, PrivateKeyDer};
use futures_rustls::rustls::crypto::CryptoProvider;
use futures_rustls::rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};

use super::certificate::CertificateFields;
use super::{pem, refused};
use crate::error::{Error, ErrorKind, Result};

/// A certificate that is presented to the peer, and its private key.
pub(super) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads an identity. A key that `provider` does not support is accepted here, because the caller may set another
    /// provider later.
    pub(super) fn from_pem(chain: &[u8], key: &[u8], provider: &CryptoProvider) -> Result<Self> {
        let identity = Self { chain: pem::chain(chain)?, key: pem::private_key(key)? };
        if let Ok(key) = provider.key_provider.load_private_key(identity.key.clone_key()) {
            identity.check(&*key)?;
        }
        Ok(identity)
    }

    /// Makes the resolver with which `rustls` presents the certificate, as a client and as a server.
    pub(super) fn resolver(&self, provider: &CryptoProvider) -> Result<Arc<SingleCertAndKey>> {
        let key = provider.key_provider.load_private_key(self.key.clone_key());
        let key = key.map_err(|error| refused("the private key cannot be used", error))?;
        self.check(&*key)?;
        Ok(Arc::new(CertifiedKey::new(self.chain.clone(), key).into()))
    }

    pub(super) fn chain_length(&self) -> usize {
        self.chain.len()
    }

    /// Checks that `key` is the key of the certificate.
    // Not `CertifiedKey::keys_match`, which refuses certificates of version 1. `openssl x509 -req` makes this version
    // unless extensions are requested.
    fn check(&self, key: &dyn SigningKey) -> Result<()> {
        let leaf = self.chain.first().and_then(|leaf| CertificateFields::read(leaf));
        match (key.public_key(), leaf) {
            (Some(key), Some(leaf)) if key.as_ref() != leaf.public_key_info => Err(Error::request(
                ErrorKind::InvalidRequest,
                "the certificate does not fit its key; the first certificate of the chain must be that of the key",
            )),
            _ => Ok(()),
        }
    }
}
