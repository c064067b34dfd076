//! A page of yew whose button starts a request.
//! `trunk serve` shows it, or any tool that runs `wasm-bindgen`.

use std::rc::Rc;

use waterspout::Client;
use waterspout::tornado::EventLoop;
use yew::prelude::*;

/// What the page shows.
#[derive(Clone, PartialEq)]
enum Fetch {
    Idle,
    Running,
    Done(String),
    Failed(String),
}

#[derive(Properties, PartialEq)]
struct PageProperties {
    /// The URL that the button fetches. A path is resolved against the page.
    url: AttrValue,
}

#[component]
fn Page(properties: &PageProperties) -> Html {
    let fetch = use_state(|| Fetch::Idle);
    let client = use_memo((), |()| Client::new());
    let events = use_memo((), |()| EventLoop::new());
    let start = {
        let (fetch, url) = (fetch.clone(), properties.url.clone());
        Callback::from(move |_: MouseEvent| {
            fetch.set(Fetch::Running);
            let (fetch, request) = (fetch.clone(), Rc::clone(&client).get(url.as_str()));
            events.spawn(async move {
                let text = async { request.await?.error_for_status()?.text().await }.await;
                fetch.set(match text {
                    Ok(text) => Fetch::Done(text),
                    Err(error) => Fetch::Failed(error.to_string()),
                });
            });
        })
    };
    let (class, text) = match &*fetch {
        Fetch::Idle => ("idle", "Press the button".to_owned()),
        Fetch::Running => ("running", "Loading".to_owned()),
        Fetch::Done(text) => ("done", text.clone()),
        Fetch::Failed(error) => ("failed", error.clone()),
    };
    html! {
        <main>
            <button onclick={start} disabled={*fetch == Fetch::Running}>{ "Fetch" }</button>
            <output {class}>{ text }</output>
        </main>
    }
}

fn main() {
    yew::Renderer::<Page>::with_props(PageProperties { url: "/text".into() }).render();
}
