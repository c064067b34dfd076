//! The bucket is a local server that checks the signature of each request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::TryStreamExt;
use object_store::aws::AmazonS3;
use object_store::{ObjectStore, RetryConfig};
use ring::{digest, hmac};
use waterspout::Bytes;
use waterspout::testing::{Incoming, Reply, Server, handler};

use super::*;

type Objects = Arc<Mutex<BTreeMap<String, Bytes>>>;

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

/// Returns whether the request is signed with the secret `secret`, as version 4 of AWS's signatures says.
fn is_signed(request: &Incoming, body: &[u8]) -> Option<bool> {
    let (_, parameters) = request.header("authorization")?.split_once("AWS4-HMAC-SHA256 ")?;
    let parameters: BTreeMap<_, _> = parameters.split(", ").filter_map(|pair| pair.split_once('=')).collect();
    let (id, scope) = parameters.get("Credential")?.split_once('/')?;
    let signed = parameters.get("SignedHeaders")?;
    let fields: Option<String> =
        signed.split(';').map(|name| Some(format!("{name}:{}\n", request.header(name)?.trim()))).collect();
    let (path, query) = request.target().split_once('?').unwrap_or((request.target(), ""));
    let mut query: Vec<_> = query.split('&').collect();
    query.sort_unstable();
    let payload = request.header("x-amz-content-sha256")?;
    let canonical = [request.method().as_str(), path, &query.join("&"), &fields?, signed, payload].join("\n");
    let date = request.header("x-amz-date")?;
    let text = ["AWS4-HMAC-SHA256", date, scope, &sha256(canonical.as_bytes())].join("\n");
    let key = scope.split('/').fold(b"AWS4secret".to_vec(), |key, part| hmac(&key, part));
    let is_right = *parameters.get("Signature")? == hex(hmac(&key, &text));
    Some(is_right && id == "id" && payload == sha256(body) && signed.contains("host;"))
}

fn xml(status: u16, text: String) -> Reply {
    Reply::new(status, text).with_header("content-type", "application/xml")
}

async fn answer(request: &mut Incoming, objects: &Objects) -> Reply {
    let body = request.body().await.unwrap();
    if is_signed(request, &body) != Some(true) {
        return xml(403, "<Error><Code>SignatureDoesNotMatch</Code><Message>refused</Message></Error>".to_owned());
    }
    let mut objects = objects.lock().unwrap();
    let key = request.path().strip_prefix("/bucket").unwrap().trim_start_matches('/').replace("%20", " ");
    let with_facts =
        |reply: Reply| reply.with_header("etag", "\"1\"").with_header("last-modified", "Fri, 01 Aug 2025 00:00:00 GMT");
    match (request.method().as_str(), request.query("list-type")) {
        ("PUT", _) => {
            objects.insert(key, body);
            with_facts(Reply::new(200, ""))
        }
        ("GET", Some("2")) => {
            let entry = |(key, body): (&String, &Bytes)| {
                let date = "2025-08-01T00:00:00.000Z";
                let size = body.len();
                format!("<Contents><Key>{key}</Key><LastModified>{date}</LastModified><Size>{size}</Size></Contents>")
            };
            let entries: String = objects.iter().map(entry).collect();
            xml(200, format!("<ListBucketResult>{entries}</ListBucketResult>"))
        }
        ("GET", _) => match objects.get(&key) {
            Some(body) => with_facts(Reply::new(200, body.clone())),
            None => xml(404, "<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>".to_owned()),
        },
        _ => Reply::new(405, ""),
    }
}

fn bucket() -> Server {
    let objects = Objects::default();
    Server::start(handler(move |request| {
        let objects = objects.clone();
        Box::pin(async move { answer(request, &objects).await })
    }))
    .unwrap()
}

fn store(endpoint: &str, secret: &str) -> AmazonS3 {
    let client = Client::builder().tokio().decompress(false).build().unwrap();
    AmazonS3Builder::new()
        .with_endpoint(endpoint)
        .with_allow_http(true)
        .with_bucket_name("bucket")
        .with_region("us-east-1")
        .with_access_key_id("id")
        .with_secret_access_key(secret)
        .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
        .with_http_connector(StoreClient(client))
        .build()
        .unwrap()
}

#[tokio::test]
async fn objects_are_written_listed_and_read() {
    let server = bucket();
    let store = store(&server.url(""), "secret");
    let body = vec![7; 200_000];
    store.put(&Path::from("a folder/large"), body.clone().into()).await.unwrap();
    store.put(&Path::from("empty"), Vec::new().into()).await.unwrap();
    let listed: Vec<_> =
        store.list(None).map_ok(|meta| (meta.location.to_string(), meta.size)).try_collect().await.unwrap();
    assert_eq!(listed, [("a folder/large".to_owned(), 200_000), ("empty".to_owned(), 0)]);
    let object = store.get(&Path::from("a folder/large")).await.unwrap();
    assert_eq!(object.meta.e_tag.as_deref(), Some("\"1\""));
    let chunks: Vec<Bytes> = object.into_stream().try_collect().await.unwrap();
    assert_eq!(chunks.concat(), body);
}

#[tokio::test]
async fn missing_object_is_not_found() {
    let server = bucket();
    let error = store(&server.url(""), "secret").get(&Path::from("missing")).await.unwrap_err();
    assert!(matches!(error, object_store::Error::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn wrong_secret_is_refused() {
    let server = bucket();
    let error = store(&server.url(""), "wrong").put(&Path::from("a"), "text".into()).await.unwrap_err();
    assert!(matches!(error, object_store::Error::PermissionDenied { .. }), "{error}");
}

#[tokio::test]
async fn unreachable_server_is_an_error_with_its_kind() {
    let error = store("http://127.0.0.1:1", "secret").get(&Path::from("a")).await.unwrap_err();
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(next) = cause.filter(|cause| !cause.is::<waterspout::Error>()) {
        cause = next.source();
    }
    let own: &waterspout::Error = cause.and_then(<dyn Error>::downcast_ref).expect("the cause is kept");
    assert_eq!(own.kind(), ErrorKind::Connect);
}
