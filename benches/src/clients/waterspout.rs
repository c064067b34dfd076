//! The client of this project.

use ::waterspout::agent::Config;
use ::waterspout::platform::native::Network;
use ::waterspout::{Builder, Client};
use bytes::Bytes;

use super::Requests;
use crate::job::{Job, Kind};
use crate::server;

pub struct WaterspoutRequests {
    client: Client,
    url: String,
}

impl WaterspoutRequests {
    /// Uses the client's own agent, as most programs do.
    pub fn new(job: &Job) -> Self {
        Self::with_roots(Client::builder(), job)
    }

    /// Uses the reactor, the timer and the executor of the tokio program that it runs in.
    pub fn on_tokio(job: &Job) -> Self {
        Self::with_roots(Client::builder().tokio(), job)
    }

    /// Uses an agent that the program made, the way to set what the client's builder has no function for.
    pub fn with_agent(job: &Job) -> Self {
        let mut agent = Network::new().agent();
        if job.kind == Kind::Idle {
            // The default keeps at most 512 idle connections for an origin.
            let config = Config::new().idle_connections(job.connections);
            agent = agent.with_config(config.idle_connections_per_origin(job.connections));
        }
        Self::build(Client::builder().backend(agent), job)
    }

    fn with_roots(mut builder: Builder, job: &Job) -> Self {
        if let Some(certificate) = server::certificate() {
            builder = builder.root_certificates_pem(certificate);
        }
        Self::build(builder, job)
    }

    fn build(builder: Builder, job: &Job) -> Self {
        let client = builder.max_active(job.connections).build().expect("a client");
        Self { client, url: job.url.clone() }
    }
}

impl Requests for WaterspoutRequests {
    async fn get(&self) -> usize {
        self.client.get(&*self.url).await.expect("a response").bytes().await.expect("a body").len()
    }

    async fn download(&self) -> usize {
        let mut response = self.client.get(&*self.url).await.expect("a response");
        let mut count = 0;
        while let Some(chunk) = response.chunk().await.expect("a chunk") {
            count += chunk.len();
        }
        count
    }

    async fn upload(&self) -> usize {
        let body: Bytes = server::upload_body();
        self.client.post(&*self.url).body(body).await.expect("a response").bytes().await.expect("a body").len()
    }
}
