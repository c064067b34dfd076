//! Fetches a page with a bearer token, which a middleware requests when the server asks for it:
//! `cargo run --example refresh -- http://localhost:8080/token http://localhost:8080/page`.

mod token;

use waterspout::tornado::EventLoop;
use waterspout::{Client, Result, Url};

use self::token::Refresh;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(token_url), Some(page_url)) = (arguments.next(), arguments.next()) else {
        println!("usage: refresh TOKEN-URL PAGE-URL");
        return Ok(());
    };
    EventLoop::new().run_sync(async {
        let client = Client::builder().middleware(Refresh::new(Url::parse(&token_url)?)).build()?;
        let page = client.get(page_url).await?;
        println!("{} {}", page.status(), page.url());
        println!("{}", page.text().await?);
        Ok(())
    })
}
