//! A session through a proxy: logs in with a form, keeps the cookie, uploads a file with progress, and reads the
//! server's events until the file is processed: `cargo run --features cookies,form --example upload_form_events`.

use futures::StreamExt;
use serde::Serialize;
use waterspout::cookies::CookieJar;
use waterspout::multipart::{Form, Part};
use waterspout::testing::{Incoming, Reply, Resource, Server};
use waterspout::tornado::EventLoop;
use waterspout::{Client, Url};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[derive(Serialize)]
struct Login {
    user: &'static str,
    password: &'static str,
}

fn main() -> Result<()> {
    let proxy = Server::start(Office)?;
    let jar = CookieJar::new();
    let client = Client::builder().proxy(proxy.url("")).cookies(jar.clone()).build()?;
    EventLoop::new().run_sync(session(&client, &jar, "http://office.example/".parse()?))
}

async fn session(client: &Client, jar: &CookieJar, office: Url) -> Result<()> {
    let login = Login { user: "ada", password: "engine no. 1" };
    client.post(office.join("login")?).form(login).await?.error_for_status()?;
    println!("cookie: {:?}", jar.get(&office, "session"));

    let file = Part::new(vec![b'x'; 1_000_000]).file_name("report.txt").content_type("text/plain");
    let form = Form::new().text("title", "Report").part("file", file);
    let upload = client.post(office.join("files")?).multipart(form).on_upload(|progress| {
        eprintln!("{} of {} bytes sent", progress.bytes, progress.total.unwrap_or_default());
    });
    println!("{}", upload.await?.error_for_status()?.text().await?);

    let mut events = client.get(office.join("events")?).events();
    while let Some(event) = events.next().await {
        let event = event?;
        println!("{}: {}", event.event, event.data);
        if event.event == "done" {
            break;
        }
    }
    Ok(())
}

/// The proxy and the server behind it. A client sends whole URLs to a proxy.
struct Office;

impl Resource for Office {
    async fn get(&self, _request: &mut Incoming) -> Reply {
        let events = "event: progress\ndata: 50 %\n\nevent: done\ndata: the report has 1 page\n\n";
        Reply::new(200, events).with_header("content-type", "text/event-stream")
    }

    async fn post(&self, request: &mut Incoming) -> Reply {
        let form = request.form().await.unwrap_or_default();
        if form.iter().any(|(name, value)| name == "password" && value == "engine no. 1") {
            return Reply::text("welcome").with_header("set-cookie", "session=42; Path=/; HttpOnly");
        }
        if request.header("cookie") != Some("session=42") {
            return Reply::new(403, "log in first");
        }
        let body = request.body().await.unwrap_or_default();
        Reply::text(format!("{} received a form of {} bytes", request.target(), body.len()))
    }
}
