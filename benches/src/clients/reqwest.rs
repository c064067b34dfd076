//! The client of reqwest, without its optional features but rustls.

use ::reqwest::{Certificate, Client};

use super::Requests;
use crate::job::Job;
use crate::server;

pub struct ReqwestRequests {
    client: Client,
    url: String,
}

impl ReqwestRequests {
    pub fn new(job: &Job) -> Self {
        let mut builder = Client::builder();
        // Without a provider, the client of this feature cannot be built, even for http.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let roots = server::certificate().map(|pem| Certificate::from_pem(pem.as_bytes()).expect("a certificate"));
        // An explicit list replaces the roots of the operating system, whose loading is not a part of the comparison.
        builder = builder.tls_certs_only(roots);
        Self { client: builder.build().expect("a client"), url: job.url.clone() }
    }
}

impl Requests for ReqwestRequests {
    async fn get(&self) -> usize {
        self.client.get(&self.url).send().await.expect("a response").bytes().await.expect("a body").len()
    }

    async fn download(&self) -> usize {
        let mut response = self.client.get(&self.url).send().await.expect("a response");
        let mut count = 0;
        while let Some(chunk) = response.chunk().await.expect("a chunk") {
            count += chunk.len();
        }
        count
    }

    async fn upload(&self) -> usize {
        let request = self.client.post(&self.url).body(server::upload_body());
        request.send().await.expect("a response").bytes().await.expect("a body").len()
    }
}
