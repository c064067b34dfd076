//! The TLS settings of the client's builder.

use super::TlsConfig;
use crate::client::Builder;
use crate::error::Result;

/// The settings of TLS, over the [`TlsConfig`] of the [network](Builder::network). They exist with the feature `tls`.
impl Builder {
    /// Adds root certificates to trust, as PEM text; see [`TlsConfig::root_certificates_pem`]. Further calls add more.
    ///
    /// # Errors
    /// On building: [`InvalidRequest`](crate::ErrorKind::InvalidRequest) if `pem` holds no certificate, or if a
    /// certificate is damaged.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use waterspout::Client;
    ///
    /// let client = Client::builder().root_certificates_pem(std::fs::read("company-ca.pem")?).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn root_certificates_pem(self, pem: impl Into<Vec<u8>>) -> Self {
        let pem = pem.into();
        self.change_tls("root_certificates_pem", move |tls| tls.root_certificates_pem(&pem))
    }

    /// Removes the system's root certificates: only [added](Self::root_certificates_pem) roots are trusted.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use waterspout::Client;
    ///
    /// let roots = std::fs::read("company-ca.pem")?;
    /// let client = Client::builder().root_certificates_pem(roots).without_system_roots().build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn without_system_roots(self) -> Self {
        self.change_tls("without_system_roots", |tls| Ok(tls.without_system_roots()))
    }

    /// Sets the client certificate, which is presented to servers that ask for it: the chain with the leaf first, and
    /// its private key, both in PEM. The same text may hold both. Default: none.
    ///
    /// # Errors
    /// On building: the errors of [`TlsConfig::client_certificate_pem`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use waterspout::Client;
    ///
    /// let identity = std::fs::read("identity.pem")?;
    /// let client = Client::builder().client_certificate_pem(identity.clone(), identity).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn client_certificate_pem(self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        let chain = chain.into();
        let key = key.into();
        self.change_tls("client_certificate_pem", move |tls| tls.client_certificate_pem(&chain, &key))
    }

    /// Sets whether every certificate is accepted: expired, for another host, from any issuer. Every machine on the way
    /// to the server can then read and change the traffic. Default: false.
    ///
    /// It applies to `https` proxies as well, as [`Network::tls`](super::super::Network::tls) describes.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    ///
    /// let client = Client::builder().danger_accept_invalid_certificates(true).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn danger_accept_invalid_certificates(self, accept: bool) -> Self {
        let change = move |tls: TlsConfig| Ok(tls.danger_accept_invalid_certificates(accept));
        self.change_tls("danger_accept_invalid_certificates", change)
    }

    /// Sets whether a certificate is accepted for every host; see [`TlsConfig::danger_accept_invalid_hostnames`].
    /// Default: false.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use waterspout::Client;
    ///
    /// let client = Client::builder()
    ///     .without_system_roots()
    ///     .root_certificates_pem(std::fs::read("devices.pem")?)
    ///     .danger_accept_invalid_hostnames(true)
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn danger_accept_invalid_hostnames(self, accept: bool) -> Self {
        let change = move |tls: TlsConfig| Ok(tls.danger_accept_invalid_hostnames(accept));
        self.change_tls("danger_accept_invalid_hostnames", change)
    }

    fn change_tls(
        self,
        name: &'static str,
        change: impl FnOnce(TlsConfig) -> Result<TlsConfig> + Send + Sync + 'static,
    ) -> Self {
        self.with_backend_settings(|settings| {
            settings.change(name, |network| {
                let tls = change(network.tls.clone())?;
                Ok(network.tls(tls))
            });
        })
    }
}
