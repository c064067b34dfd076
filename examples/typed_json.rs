//! A typed client of a JSON interface: the requests, the responses and the errors of the server are structs.
//! `cargo run --example typed_json` starts a server of its own.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use waterspout::testing::{Incoming, Reply, Resource, Server};
use waterspout::tornado::EventLoop;
use waterspout::{Client, RequestBuilder, Url};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    id: u32,
    text: String,
}

/// The reason of a refusal, as the server sends it (RFC 9457).
#[derive(Serialize, Deserialize)]
struct Problem {
    title: String,
}

struct Notes {
    client: Client,
    url: Url,
}

impl Notes {
    async fn find(&self, word: &str) -> Result<Vec<Note>> {
        send(self.client.get(self.url.clone()).query_pairs([("word", word)])).await
    }

    async fn save(&self, note: &Note) -> Result<Note> {
        send(self.client.post(self.url.clone()).json(note)).await
    }
}

/// Returns the value in the response. A problem that the server describes becomes an error.
async fn send<T: DeserializeOwned>(request: RequestBuilder<Client>) -> Result<T> {
    let response = request.await?;
    let kind = response.headers().get("content-type").map_or(&b""[..], |kind| kind.as_bytes());
    if kind.starts_with(b"application/problem+json") {
        return Err(response.json::<Problem>().await?.title.into());
    }
    Ok(response.error_for_status()?.json().await?)
}

fn main() -> Result<()> {
    let server = Server::start(Store)?;
    let notes = Notes { client: Client::new(), url: server.url("/notes").parse()? };
    EventLoop::new().run_sync(async {
        println!("saved: {:?}", notes.save(&Note { id: 7, text: "call the plumber".to_owned() }).await?);
        println!("found: {:?}", notes.find("plumber").await?);
        if let Err(error) = notes.save(&Note { id: 8, text: String::new() }).await {
            println!("refused: {error}");
        }
        Ok(())
    })
}

struct Store;

impl Resource for Store {
    async fn get(&self, request: &mut Incoming) -> Reply {
        let word = request.query("word").unwrap_or_default();
        reply(200, "application/json", &[Note { id: 7, text: format!("call the {word}") }])
    }

    async fn post(&self, request: &mut Incoming) -> Reply {
        match serde_json::from_slice::<Note>(&request.body().await.unwrap_or_default()) {
            Ok(note) if !note.text.is_empty() => reply(200, "application/json", &note),
            _ => reply(422, "application/problem+json", &Problem { title: "a note needs a text".to_owned() }),
        }
    }
}

fn reply(status: u16, kind: &str, value: &impl Serialize) -> Reply {
    Reply::new(status, serde_json::to_vec(value).unwrap_or_default()).with_header("content-type", kind)
}
