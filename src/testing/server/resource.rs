//! Handlers with a function for each method.

use http::Method;

use super::{Handler, Incoming, Reply};
use crate::runtime::{BoxFuture, PortableFuture};

macro_rules! resource {
    ($($name:ident $method:ident,)*) => {
        /// Answers requests, each method by a function of its own. One that a resource does not have is answered with status
        /// 405, with those that it has in the `allow` header (RFC 9110, section 15.5.6), and so is every other method.
        ///
        /// Every resource is a [`Handler`]. To find out which methods there are, the others are called, and their futures
        /// dropped without being polled: write them as `async fn`, whose body does not run before that.
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
        ///         request.body().await.map_or_else(|error| Reply::new(400, error.to_string()), |_| Reply::new(204, ""))
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
                    request.refused = true;
                    std::future::ready(not_allowed())
                }
            )*
        }

        /// Calls the function for the request's method.
        async fn call<R: Resource>(resource: &R, request: &mut Incoming) -> Reply {
            match request.method().clone() {
                $(Method::$method => resource.$name(request).await,)*
                _ => {
                    request.refused = true;
                    not_allowed()
                }
            }
        }

        /// The methods that a resource has.
        fn methods<R: Resource>(resource: &R, request: &mut Incoming) -> String {
            let mut methods = Vec::new();
            $(
                request.refused = false;
                drop(resource.$name(request));
                methods.extend((!request.refused).then_some(stringify!($method)));
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
            match std::mem::take(&mut request.refused) {
                true => reply.with_header("allow", &methods(self, request)),
                false => reply,
            }
        })
    }
}
