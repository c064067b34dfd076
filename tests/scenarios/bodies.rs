//! Response bodies.

use waterspout::{Body, Client, ErrorKind, Phase};

use super::{Lab, byte};

async fn check(lab: &Lab, experiment: &str, length: usize) {
    let response = Client::new().get(lab.url(experiment)).await.unwrap();
    let bytes = response.bytes().await.unwrap();
    assert_eq!(bytes.len(), length);
    assert!(bytes.iter().enumerate().all(|(index, found)| *found == byte(index)));
}

pub async fn an_empty_body_is_empty(lab: Lab) {
    check(&lab, "bytes/0", 0).await;
    check(&lab, "chunks/0/1", 0).await;
}

pub async fn a_body_of_declared_length_arrives_whole(lab: Lab) {
    let response = Client::new().get(lab.url("bytes/70000")).await.unwrap();
    assert_eq!(response.content_length(), Some(70_000));
    check(&lab, "bytes/70000", 70_000).await;
}

pub async fn a_chunked_body_arrives_whole(lab: Lab) {
    check(&lab, "chunks/7/1000", 7_000).await;
}

pub async fn a_large_body_arrives_whole(lab: Lab) {
    check(&lab, "bytes/8388608", 8 << 20).await;
    check(&lab, "chunks/64/65536", 4 << 20).await;
}

pub async fn many_small_chunks_arrive_in_order(lab: Lab) {
    check(&lab, "chunks/3000/3", 9_000).await;
}

pub async fn a_body_may_end_with_the_connection(lab: Lab) {
    let response = Client::new().get(lab.url("close-delimited")).await.unwrap();
    assert_eq!(response.text().await.unwrap(), "until the end");
}

pub async fn a_body_is_streamed_as_it_comes(lab: Lab) {
    let mut response = Client::new().get(lab.keyed("endless", "")).await.unwrap();
    let mut seen = 0;
    while seen < 20_000 {
        let chunk = response.chunk().await.unwrap().unwrap();
        assert!(chunk.iter().all(|byte| *byte == b'.'));
        seen += chunk.len();
    }
}

pub async fn chunk_extensions_and_trailers_are_read_over(lab: Lab) {
    let response = Client::new().get(lab.url("extensions")).await.unwrap();
    assert_eq!(response.text().await.unwrap(), "hello");
}

pub async fn json_goes_both_ways(lab: Lab) {
    let client = Client::new();
    let value: (String, Vec<u32>) = {
        #[derive(serde::Deserialize)]
        struct Answer {
            name: String,
            sizes: Vec<u32>,
        }
        let answer: Answer = client.get(lab.url("json")).await.unwrap().json().await.unwrap();
        (answer.name, answer.sizes)
    };
    assert_eq!(value, ("waterspout".to_owned(), vec![1, 2, 3]));
    let echo = client.post(lab.url("echo")).json(&value).await.unwrap();
    assert_eq!(echo.headers()["content-type"], "application/json");
    assert_eq!(echo.json::<(String, Vec<u32>)>().await.unwrap(), value);
    let error = client.get(lab.url("hello")).await.unwrap().json::<u32>().await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Decode, Phase::Body));
}

pub async fn a_body_beyond_the_limit_is_an_error(lab: Lab) {
    let client = Client::builder().body_limit(1000).build().unwrap();
    assert_eq!(client.get(lab.url("bytes/1000")).await.unwrap().bytes().await.unwrap().len(), 1000);
    for experiment in ["bytes/1001", "chunks/11/100"] {
        let error = client.get(lab.url(experiment)).await.unwrap().bytes().await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::LimitExceeded, Phase::Body));
        assert!(error.to_string().contains("1000 bytes"), "{error}");
    }
    // Reading piece by piece is not limited.
    let mut response = client.get(lab.url("bytes/1001")).await.unwrap();
    let mut length = 0;
    while let Some(chunk) = response.chunk().await.unwrap() {
        length += chunk.len();
    }
    assert_eq!(length, 1001);
}

pub async fn reading_on_after_the_end_gives_nothing(lab: Lab) {
    let mut response = Client::new().get(lab.url("chunks/2/10")).await.unwrap();
    while response.chunk().await.unwrap().is_some() {}
    assert!(response.chunk().await.unwrap().is_none());
    let mut body: Body = response.into_body();
    assert!(body.chunk().await.unwrap().is_none());
}
