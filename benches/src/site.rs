//! The site that the spiders crawl: a tree of pages, made when they are requested. A page links to its parent, to its
//! children, and to pages elsewhere in the tree, so that most links lead to pages that a spider knows already.

use std::fmt::Write;

/// The number of children of a page.
const CHILDREN: usize = 8;

/// The number of links to pages elsewhere in the tree.
const RELATED: usize = 8;

/// The text of a page, without its links.
const PARAGRAPHS: &str = "<p>A waterspout is a <em>rotating</em> column of air over water. Most of them are weak, and last for \
    less than twenty minutes. They form under the flat base of a growing cloud.</p>\n<p>The visible part is not water from \
    the sea: it is a cloud of droplets that condense in the low pressure of the column &mdash; the spray ring at its \
    foot is the only part that comes from below.</p>\n";

/// Returns the path of a page in a site with `pages` pages. Page 0 is the start page.
pub fn path(pages: usize, number: usize) -> String {
    if number == 0 { format!("/site/{pages}/") } else { format!("/site/{pages}/{number}") }
}

/// Returns the response with a page, if the path is a page: `/site/PAGES/` or `/site/PAGES/NUMBER`.
pub fn page(path: &str) -> Option<Vec<u8>> {
    let (pages, number) = path.strip_prefix("/site/")?.split_once('/')?;
    let pages: usize = pages.parse().ok()?;
    let number: usize = if number.is_empty() { 0 } else { number.parse().ok()? };
    let body = (number < pages).then(|| html(pages, number))?;
    let head = "HTTP/1.1 200 OK\r\nserver: bench\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length:";
    Some(format!("{head} {}\r\n\r\n{body}", body.len()).into_bytes())
}

fn html(pages: usize, number: usize) -> String {
    let mut html = String::with_capacity(4096);
    let _ = writeln!(html, "<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>Page {number}</title></head>\n<body>");
    let _ = writeln!(html, "<nav><a href=\"/site/{pages}/\">Start</a> <a href=\"#top\">Top</a></nav>");
    let _ = writeln!(html, "<h1>Page {number}</h1>");
    html.push_str(PARAGRAPHS);
    html.push_str("<ul>\n");
    let children = (1..=CHILDREN).map(|child| number * CHILDREN + child).filter(|child| *child < pages);
    // The prime factor spreads the links over the whole tree.
    let related = (1..=RELATED).map(|link| (number + link) * 7919 % pages);
    for target in std::iter::once(number.saturating_sub(1) / CHILDREN).chain(children).chain(related) {
        let _ = writeln!(html, "<li class=\"link\"><a href=\"{}\">Page {target}</a></li>", path(pages, target));
    }
    html.push_str("</ul>\n</body>\n</html>\n");
    html
}
