//! The name cache beside a simple model of it: look-ups that are polled, answered and dropped in random order.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;
use waterspout::platform::native::{CachingResolver, Resolver};
use waterspout::testing::ManualTimer;
use waterspout::{BoxFuture, Instant, Timer};

use crate::support::wakers::WakeFlag;

const NAMES: [&str; 3] = ["a.example", "b.example", "c.example"];
const MEMORY: Duration = Duration::from_secs(60);
const MAX_SHARED: Duration = Duration::from_secs(5);

struct SeededNumbers(u64);

impl SeededNumbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }
}

type Answer = Result<u8, ()>;

/// A resolver whose questions the test answers, in any order.
#[derive(Clone, Default)]
struct OpenQuestions(Arc<Mutex<Vec<Option<oneshot::Sender<Answer>>>>>);

impl Resolver for OpenQuestions {
    fn resolve(&self, _: &str, _: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let (answer, answered) = oneshot::channel();
        self.0.lock().unwrap().push(Some(answer));
        async move { answered.await.unwrap().map(|last| vec![address(last)]).map_err(|()| io::Error::other("failed")) }
            .boxed()
    }
}

fn address(last: u8) -> SocketAddr {
    ([10, 0, 0, last], 80).into()
}

/// A question of the model.
struct Question {
    name: usize,
    since: Instant,
    /// The index of the question at the resolver, once a look-up has polled it.
    asked: Option<usize>,
    answer: Option<Answer>,
    /// Whether a look-up has polled the answered question.
    is_recorded: bool,
}

#[derive(Clone, Copy)]
enum Source {
    Known(u8),
    Question(usize),
}

struct LookUp {
    future: BoxFuture<'static, io::Result<Vec<SocketAddr>>>,
    source: Source,
    is_polled: bool,
    flag: Arc<WakeFlag>,
    waker: Waker,
}

#[derive(Default)]
struct Model {
    questions: Vec<Question>,
    /// The present question of each name, or its answer and when that expires.
    entries: HashMap<usize, Entry>,
}

enum Entry {
    Asked(usize),
    Known(u8, Instant),
}

impl Model {
    fn begin(&mut self, name: usize, now: Instant, look_ups: &[LookUp]) -> Source {
        match self.entries.get(&name) {
            Some(Entry::Known(last, until)) if now < *until => return Source::Known(*last),
            Some(Entry::Asked(question)) => {
                let has_asker = look_ups
                    .iter()
                    .any(|look_up| matches!(look_up.source, Source::Question(asked) if asked == *question));
                if has_asker && now.since(self.questions[*question].since) <= MAX_SHARED {
                    return Source::Question(*question);
                }
            }
            _ => {}
        }
        self.questions.push(Question { name, since: now, asked: None, answer: None, is_recorded: false });
        self.entries.insert(name, Entry::Asked(self.questions.len() - 1));
        Source::Question(self.questions.len() - 1)
    }

    /// Returns the expected outcome of a poll; `asked` is how many questions the resolver has got.
    fn poll(&mut self, source: Source, now: Instant, asked: &mut usize) -> Poll<Answer> {
        let number = match source {
            Source::Known(last) => return Poll::Ready(Ok(last)),
            Source::Question(number) => number,
        };
        let question = &mut self.questions[number];
        if question.asked.is_none() {
            question.asked = Some(*asked);
            *asked += 1;
        }
        let Some(answer) = question.answer else { return Poll::Pending };
        let is_present = matches!(self.entries.get(&question.name), Some(Entry::Asked(asked)) if *asked == number);
        if !std::mem::replace(&mut question.is_recorded, true) && is_present {
            match answer {
                Ok(last) => self.entries.insert(question.name, Entry::Known(last, now + MEMORY)),
                Err(()) => self.entries.remove(&question.name),
            };
        }
        Poll::Ready(answer)
    }
}

#[test]
fn name_cache_is_as_its_model_in_random_runs() {
    for seed in 0..500 {
        let mut numbers = SeededNumbers(seed);
        let resolver = OpenQuestions::default();
        let timer = ManualTimer::new();
        let cache = CachingResolver::new(resolver.clone()).timer(timer.clone());
        let mut model = Model::default();
        let mut look_ups: Vec<LookUp> = Vec::new();
        let mut asked = 0;
        for step in 0..200 {
            let place = format!("seed {seed}, step {step}");
            let (name, index) = (numbers.below(NAMES.len()), numbers.below(look_ups.len()));
            match numbers.below(20) {
                0..5 => {
                    let source = model.begin(name, timer.now(), &look_ups);
                    let (flag, waker) = WakeFlag::new();
                    let future = cache.resolve(NAMES[name], 80);
                    look_ups.push(LookUp { future, source, is_polled: false, flag, waker });
                }
                5..12 if !look_ups.is_empty() => {
                    let look_up = &mut look_ups[index];
                    let expected = model.poll(look_up.source, timer.now(), &mut asked);
                    look_up.is_polled = true;
                    look_up.flag.take();
                    let polled = look_up.future.as_mut().poll(&mut Context::from_waker(&look_up.waker));
                    let polled = polled.map(|outcome| outcome.map_err(drop));
                    let addresses = expected.map(|answer| answer.map(|last| vec![address(last)]));
                    assert_eq!(polled, addresses, "{place}");
                    if expected.is_ready() {
                        look_ups.swap_remove(index);
                    }
                }
                12..15 if !look_ups.is_empty() => drop(look_ups.swap_remove(index)),
                15..18 if !model.questions.is_empty() => {
                    let number = numbers.below(model.questions.len());
                    let Some(place_asked) = model.questions[number].asked else { continue };
                    let Some(sender) = resolver.0.lock().unwrap()[place_asked].take() else { continue };
                    let answer = if numbers.below(4) == 0 { Err(()) } else { Ok(step as u8) };
                    let is_wanted =
                        |look_up: &&LookUp| matches!(look_up.source, Source::Question(own) if own == number);
                    let has_asker = look_ups.iter().any(|look_up| is_wanted(&look_up));
                    assert_eq!(sender.send(answer).is_ok(), has_asker, "{place}: the question lives with its look-ups");
                    model.questions[number].answer = Some(answer);
                    for look_up in look_ups.iter().filter(is_wanted).filter(|look_up| look_up.is_polled) {
                        assert!(look_up.flag.take(), "{place}: a look-up sleeps with its answer");
                    }
                }
                18 => timer.advance(Duration::from_millis(500 * numbers.below(100) as u64)),
                19 => {
                    cache.forget(NAMES[name], 80);
                    if matches!(model.entries.get(&name), Some(Entry::Known(..))) {
                        model.entries.remove(&name);
                    }
                }
                _ => {}
            }
            assert_eq!(resolver.0.lock().unwrap().len(), asked, "{place}");
        }
    }
}
