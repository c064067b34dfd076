//! Fetches a page with a token that is fetched when it is needed:
//! `cargo run --example refresh -- http://localhost:8080/token http://localhost:8080/page`.

mod token;

use waterspout::tornado::EventLoop;
use waterspout::{Client, Result, Url};

use self::token::Refresh;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(source), Some(page)) = (arguments.next(), arguments.next()) else {
        println!("usage: refresh TOKEN-URL PAGE-URL");
        return Ok(());
    };
    EventLoop::new().run_sync(async {
        let client = Client::builder().middleware(Refresh::new(Url::parse(&source)?)).build()?;
        let page = client.get(page).await?;
        println!("{} {}", page.status(), page.url());
        println!("{}", page.text().await?);
        Ok(())
    })
}
