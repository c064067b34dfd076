//! Handlers with a function for each method.

use http::Method;

use super::{Handler, Incoming, Reply};
use crate::runtime::{BoxFuture, PortableFuture};

macro_rules! resource {
    ($($name:ident $method:ident,)*) => {
        /// A [`Handler`] with a function for each method. A request with a method that the resource does not have is
        /// answered with status 405 and the list of its methods in the `allow` header (RFC 9110, section 15.5.6).
        ///
        /// To find out which methods exist, the server calls all functions and drops their futures unpolled, so that no
        /// list has to be kept. Write them as `async fn`: the body of an `async fn` does not run before the first poll.
        ///
        /// # Examples
        ///
        /// ```
        /// use waterspout::testing::{Incoming, MemoryConnector, ManualTimer, Reply, Resource};
        /// use waterspout::{Agent, Client};
        ///
        /// struct Greeting;
        ///
        /// impl Resource for Greeting {
        ///     async fn get(&self, request: &mut Incoming) -> Reply {
        ///         Reply::text(format!("hello, {}", request.path()))
        ///     }
        ///
        ///     async fn put(&self, request: &mut Incoming) -> Reply {
        ///         request.body().await.map_or_else(|error| Reply::new(400, error.report().to_string()), |_| Reply::new(204, ""))
        ///     }
        /// }
        ///
        /// let agent = Agent::new(MemoryConnector::new(Greeting), ManualTimer::new());
        /// let client = Client::builder().backend(agent).build()?;
        /// let refused = futures::executor::block_on(client.delete("http://example.com/you").send())?;
        /// assert_eq!((refused.status().as_u16(), &refused.headers()["allow"]), (405, &"GET, PUT".parse().unwrap()));
        /// # Ok::<(), waterspout::Error>(())
        /// ```
        pub trait Resource: Send + Sync + 'static {
            $(
                #[doc = concat!("Answers a `", stringify!($method), "` request. Default: status 405.")]
                fn $name(&self, request: &mut Incoming) -> impl PortableFuture<Output = Reply> {
                    request.is_not_allowed = true;
                    std::future::ready(not_allowed())
                }
            )*
        }

        /// Calls the function for the request's method.
        async fn call<R: Resource>(resource: &R, request: &mut Incoming) -> Reply {
            match request.method().clone() {
                $(Method::$method => resource.$name(request).await,)*
                _ => {
                    request.is_not_allowed = true;
                    not_allowed()
                }
            }
        }

        /// Returns the methods that a resource has.
        fn methods<R: Resource>(resource: &R, request: &mut Incoming) -> String {
            let mut methods = Vec::new();
            $(
                request.is_not_allowed = false;
                drop(resource.$name(request));
                methods.extend((!request.is_not_allowed).then_some(stringify!($method)));
            )*
            methods.join(", ")
        }
    };
}

resource! {
    get GET,
    head HEAD,
    post POST,
    put PUT,
    delete DELETE,
    patch PATCH,
    options OPTIONS,
}

fn not_allowed() -> Reply {
    Reply::new(405, "the resource does not have this method").with_header("content-type", "text/plain")
}

impl<R: Resource> Handler for R {
    fn handle<'a>(&'a self, request: &'a mut Incoming) -> BoxFuture<'a, Reply> {
        Box::pin(async move {
            let reply = call(self, request).await;
            match std::mem::take(&mut request.is_not_allowed) {
                // Only a refused request needs the list, so it is not made for others.
                true => reply.with_header("allow", &methods(self, request)),
                false => reply,
            }
        })
    }
}
