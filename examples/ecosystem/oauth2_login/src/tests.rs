//! The flows against a local authorization server that checks each request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::executor::block_on;
use oauth2::basic::BasicErrorResponseType;
use oauth2::{
    AuthUrl, AuthorizationCode, CsrfToken, EndpointNotSet, EndpointSet, PkceCodeChallenge, PkceCodeVerifier,
    RequestTokenError,
};
use waterspout::ErrorKind;
use waterspout::testing::{Incoming, Recorder, Reply, Server, handler};

use super::*;

/// A client with both of its URLs.
type Ready = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// What the server remembers of the page where the user agreed: the challenge of each code.
type Challenges = Arc<Mutex<BTreeMap<String, String>>>;

/// Answers as the token endpoint of RFC 6749, section 3.2, with PKCE (RFC 7636, section 4.6).
async fn token(request: &mut Incoming, challenges: &Challenges) -> Reply {
    assert_eq!((request.method().as_str(), request.header("accept")), ("POST", Some("application/json")));
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    // "id:secret" in Base64.
    if request.header("authorization") != Some("Basic aWQ6c2VjcmV0") {
        return json(401, r#"{"error":"invalid_client"}"#);
    }
    let body = request.body().await.unwrap();
    let form = format!("http://h/?{}", std::str::from_utf8(&body).unwrap());
    let form = oauth2::url::Url::parse(&form).unwrap().query_pairs().into_owned().collect::<BTreeMap<_, _>>();
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let challenge = challenges.lock().unwrap().remove(field("code"));
    let is_granted = match field("grant_type") {
        "client_credentials" => field("scope") == "read write",
        "authorization_code" => {
            let verifier = PkceCodeVerifier::new(field("code_verifier").to_owned());
            let computed = PkceCodeChallenge::from_code_verifier_sha256(&verifier).as_str().to_owned();
            challenge == Some(computed) && field("redirect_uri") == "http://localhost/back"
        }
        _ => return json(400, r#"{"error":"unsupported_grant_type"}"#),
    };
    if is_granted {
        json(200, r#"{"access_token":"abc","token_type":"bearer","expires_in":3600,"refresh_token":"def"}"#)
    } else {
        json(400, r#"{"error":"invalid_grant","error_description":"the code is not known"}"#)
    }
}

fn json(status: u16, text: &'static str) -> Reply {
    Reply::new(status, text).with_header("content-type", "application/json")
}

fn server() -> (Server, Challenges, Recorder) {
    let challenges = Challenges::default();
    let recorder = Recorder::new();
    let known = challenges.clone();
    let answer = handler(move |request| {
        let known = known.clone();
        Box::pin(async move { token(request, &known).await })
    });
    (Server::start(recorder.record(answer)).unwrap(), challenges, recorder)
}

fn client(server: &Server, secret: &str) -> Ready {
    BasicClient::new(ClientId::new("id".to_owned()))
        .set_client_secret(ClientSecret::new(secret.to_owned()))
        .set_auth_uri(AuthUrl::new(server.url("/authorize")).unwrap())
        .set_token_uri(TokenUrl::new(server.url("/token")).unwrap())
}

#[test]
fn client_credentials_become_a_token() {
    let (server, _, recorder) = server();
    let client = client(&server, "secret");
    let scopes = ["read", "write"].map(|scope| Scope::new(scope.to_owned()));
    let http = TokenClient::new().unwrap();
    let token = block_on(client.exchange_client_credentials().add_scopes(scopes).request_async(&http)).unwrap();
    assert_eq!((token.access_token().secret().as_str(), token.expires_in()), ("abc", Some(Duration::from_secs(3600))));
    assert_eq!(recorder.requests().len(), 1);
}

#[test]
fn code_with_its_verifier_becomes_a_token_once() {
    let (server, challenges, _) = server();
    let client = client(&server, "secret");
    let back = oauth2::RedirectUrl::new("http://localhost/back".to_owned()).unwrap();
    let client = client.set_redirect_uri(back);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (page, state) = client.authorize_url(CsrfToken::new_random).set_pkce_challenge(challenge).url();
    // The user agrees, and the server sends the browser back with a code.
    let shown: BTreeMap<_, _> = page.query_pairs().into_owned().collect();
    assert_eq!((&shown["state"], shown["code_challenge_method"].as_str()), (state.secret(), "S256"));
    challenges.lock().unwrap().insert("code 1".to_owned(), shown["code_challenge"].clone());

    let http = TokenClient::new().unwrap();
    let again = PkceCodeVerifier::new(verifier.secret().clone());
    let exchange = |verifier| {
        let request = client.exchange_code(AuthorizationCode::new("code 1".to_owned())).set_pkce_verifier(verifier);
        block_on(request.request_async(&http))
    };
    assert_eq!(exchange(verifier).unwrap().refresh_token().unwrap().secret(), "def");
    let Err(RequestTokenError::ServerResponse(refused)) = exchange(again) else { panic!("the code is used twice") };
    assert_eq!(*refused.error(), BasicErrorResponseType::InvalidGrant);
}

#[test]
fn refusals_and_failures_are_errors() {
    let (server, _, _) = server();
    let http = TokenClient::new().unwrap();
    let error = block_on(client(&server, "wrong").exchange_client_credentials().request_async(&http)).unwrap_err();
    let RequestTokenError::ServerResponse(refused) = error else { panic!("{error}") };
    assert_eq!(*refused.error(), BasicErrorResponseType::InvalidClient);

    let client = client(&server, "secret").set_token_uri(TokenUrl::new("http://127.0.0.1:1/".to_owned()).unwrap());
    let error = block_on(client.exchange_client_credentials().request_async(&http)).unwrap_err();
    let RequestTokenError::Request(failure) = error else { panic!("{error}") };
    assert_eq!(failure.kind(), ErrorKind::Connect);
}
