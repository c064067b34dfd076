//! Forms, with and without files, and pairs that are added to the query.

use futures::stream;
use waterspout::multipart::{Form, Part};
use waterspout::{Body, Client, Response};

use super::Lab;

pub async fn a_form_is_posted(lab: Lab) {
    let pairs = [("name", "J\u{fc}rgen"), ("to", "a&b=c d+e"), ("empty", "")];
    let response = Client::new().post(lab.url("echo")).form_pairs(pairs).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(response.text().await.unwrap(), "name=J%C3%BCrgen&to=a%26b%3Dc+d%2Be&empty=");
}

pub async fn pairs_are_added_to_the_query(lab: Lab) {
    let request = Client::new().get(lab.url("head?a=%20#f")).query_pairs([("b", "c d"), ("e", "\u{e9}&")]);
    let text = request.await.unwrap().text().await.unwrap();
    assert!(text.starts_with("GET /lab/head?a=%20&b=c+d&e=%C3%A9%26\n"), "{text}");
}

/// Returns the echoed body of a multipart request, with `X` in place of the boundary.
async fn echoed(response: Response) -> String {
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    response.text().await.unwrap().replace(boundary, "X")
}

pub async fn a_multipart_form_is_posted(lab: Lab) {
    let file = Part::new(vec![b'a', 0, b'\n']).file_name("\"q\" \u{e9}.bin").content_type("application/x-test");
    let form = Form::new().text("na\"me", "value").part("file", file);
    let response = Client::new().post(lab.url("redirect/1?status=307&to=/lab/echo")).multipart(form).await.unwrap();
    let expected = "--X\r\nContent-Disposition: form-data; name=\"na%22me\"\r\n\r\nvalue\r\n\
        --X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%22q%22 \u{e9}.bin\"\r\n\
        Content-Type: application/x-test\r\n\r\na\0\n\r\n--X--\r\n";
    assert_eq!(echoed(response).await, expected);
}

pub async fn a_multipart_form_may_have_a_stream(lab: Lab) {
    for length in [None, Some(6)] {
        let body = Body::stream(stream::iter([Ok::<_, std::io::Error>("str"), Ok("eam")]));
        let body = length.into_iter().fold(body, Body::with_length);
        let form = Form::new().part("file", Part::new(body).file_name("f")).text("last", "1");
        let text = echoed(Client::new().post(lab.url("echo")).multipart(form).await.unwrap()).await;
        let parts = "filename=\"f\"\r\nContent-Type: application/octet-stream\r\n\r\nstream\r\n--X\r\n";
        assert!(text.contains(parts) && text.ends_with("\r\n\r\n1\r\n--X--\r\n"), "{text}");
    }
}
