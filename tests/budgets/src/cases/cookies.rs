//! A jar of 1,000 cookies: 10 of each of 100 sites.

use waterspout::Url;
use waterspout::agent::CookieStore;
use waterspout::cookies::CookieJar;
use waterspout::http::{HeaderMap, HeaderValue};

/// Returns the jar and the URLs of its sites.
fn jar() -> (CookieJar, Vec<Url>) {
    let url = |number: usize| Url::parse(&format!("http://www.site-{number}.example/path/page")).expect("a URL");
    let urls: Vec<_> = (0..100).map(url).collect();
    let jar = CookieJar::new();
    for url in &urls {
        for number in 0..10 {
            jar.add(url, &format!("name-{number}=value; Path=/; Max-Age=86400")).expect("a valid cookie");
        }
    }
    assert_eq!(jar.len(), 1000);
    (jar, urls)
}

/// Replaces a cookie of the jar.
pub fn store(count: usize) {
    let (jar, urls) = jar();
    let mut headers = HeaderMap::new();
    headers.insert("set-cookie", HeaderValue::from_static("name-5=another; Path=/; Max-Age=86400; HttpOnly"));
    for url in urls.iter().cycle().take(count) {
        jar.store(url, &headers);
    }
    assert_eq!(jar.len(), 1000);
}

/// Finds the cookies for a URL.
pub fn find(count: usize) {
    let (jar, urls) = jar();
    for url in urls.iter().cycle().take(count) {
        assert_eq!(jar.cookies(url).expect("a header").len(), 10 * "name-0=value; ".len() - 2);
    }
}
