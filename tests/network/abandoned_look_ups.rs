//! Look-ups in the name cache that end early or late: dropped by their callers, answered late, or never answered.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot;
use waterspout::BoxFuture;
use waterspout::platform::native::{CachingResolver, Resolver};
use waterspout::testing::ManualTimer;

/// A resolver whose answers the test gives, in any order.
#[derive(Clone, Default)]
struct OpenQuestions(Arc<Mutex<VecDeque<oneshot::Sender<Vec<SocketAddr>>>>>, Arc<AtomicUsize>);

impl Resolver for OpenQuestions {
    fn resolve(&self, _: &str, _: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let (answer, answered) = oneshot::channel();
        self.0.lock().unwrap().push_back(answer);
        self.1.fetch_add(1, Ordering::SeqCst);
        async move { answered.await.map_err(io::Error::other) }.boxed()
    }
}

impl OpenQuestions {
    fn asked(&self) -> usize {
        self.1.load(Ordering::SeqCst)
    }

    /// Answers the oldest open question with the address 10.0.0.`last`. Returns whether it still had an asker.
    fn answer(&self, last: u8) -> bool {
        let question = self.0.lock().unwrap().pop_front().expect("a question is open");
        question.send(vec![address(last)]).is_ok()
    }
}

fn address(last: u8) -> SocketAddr {
    ([10, 0, 0, last], 80).into()
}

fn cache() -> (CachingResolver, OpenQuestions, ManualTimer) {
    let questions = OpenQuestions::default();
    let timer = ManualTimer::new();
    (CachingResolver::new(questions.clone()).timer(timer.clone()), questions, timer)
}

/// A look-up of a.example that was polled `polls` times.
fn look_up(resolver: &CachingResolver, polls: usize) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
    let mut look_up = resolver.resolve("a.example", 80);
    for _ in 0..polls {
        assert!((&mut look_up).now_or_never().is_none());
    }
    look_up
}

#[test]
fn look_up_after_the_last_asker_left_asks_again() {
    for (askers, polls) in [(1, 0), (1, 1), (1, 3), (3, 0), (3, 1)] {
        let (resolver, questions, _) = cache();
        let look_ups = Vec::from_iter((0..askers).map(|_| look_up(&resolver, polls)));
        let started = questions.asked();
        drop(look_ups);
        if started > 0 {
            assert!(
                !questions.answer(1),
                "{askers} askers, {polls} polls: the question is dropped with its last asker"
            );
        }
        let later = look_up(&resolver, 1);
        assert!(questions.answer(2));
        assert_eq!(later.now_or_never().unwrap().unwrap(), [address(2)], "{askers} askers, {polls} polls");
        assert_eq!(questions.asked(), started + 1);
    }
}

#[test]
fn question_goes_on_while_an_asker_is_left() {
    for left in 0..3 {
        let (resolver, questions, _) = cache();
        let mut look_ups = Vec::from_iter((0..3).map(|_| look_up(&resolver, 1)));
        look_ups = vec![look_ups.swap_remove(left)];
        assert!(questions.answer(1));
        assert_eq!(look_ups.remove(0).now_or_never().unwrap().unwrap(), [address(1)]);
        // The answer is cached for later look-ups.
        assert_eq!(look_up(&resolver, 0).now_or_never().unwrap().unwrap(), [address(1)]);
        assert_eq!(questions.asked(), 1);
    }
}

#[test]
fn question_without_an_answer_does_not_hold_its_name() {
    let (resolver, questions, timer) = cache();
    // At every moment a look-up waits for the first question.
    let mut waiting = look_up(&resolver, 1);
    for _ in 0..20 {
        timer.advance(Duration::from_secs(1));
        waiting = {
            let next = look_up(&resolver, 1);
            drop(waiting);
            next
        };
    }
    assert!(questions.asked() > 1, "a question that is not answered is asked again");
    assert!(questions.asked() < 10, "look-ups still share questions: {}", questions.asked());
    while !questions.answer(7) {}
    assert_eq!(waiting.now_or_never().unwrap().unwrap(), [address(7)]);
}

#[test]
fn late_answer_does_not_replace_a_newer_answer() {
    let (resolver, questions, timer) = cache();
    let slow = look_up(&resolver, 1);
    timer.advance(Duration::from_secs(30));
    let fast = look_up(&resolver, 1);
    assert_eq!(questions.asked(), 2);
    let slow_answer = questions.0.lock().unwrap().pop_front().unwrap();
    assert!(questions.answer(2));
    assert_eq!(fast.now_or_never().unwrap().unwrap(), [address(2)]);
    slow_answer.send(vec![address(1)]).unwrap();
    // The look-up that waited for it still gets it.
    assert_eq!(slow.now_or_never().unwrap().unwrap(), [address(1)]);
    assert_eq!(look_up(&resolver, 0).now_or_never().unwrap().unwrap(), [address(2)]);
    assert_eq!(questions.asked(), 2);
}

#[test]
fn late_failure_does_not_remove_a_newer_answer() {
    let (resolver, questions, timer) = cache();
    let slow = look_up(&resolver, 1);
    timer.advance(Duration::from_secs(30));
    let fast = look_up(&resolver, 1);
    let slow_answer = questions.0.lock().unwrap().pop_front().unwrap();
    assert!(questions.answer(2) && fast.now_or_never().unwrap().is_ok());
    drop(slow_answer);
    assert!(slow.now_or_never().unwrap().is_err());
    assert_eq!(look_up(&resolver, 0).now_or_never().unwrap().unwrap(), [address(2)]);
}

#[test]
fn late_answers_stay_within_the_bound_of_the_cache() {
    let (resolver, questions, _) = cache();
    let mut look_ups = Vec::from_iter((0..2500).map(|port| resolver.resolve("a.example", port)));
    assert!(look_ups.iter_mut().all(|look_up| look_up.now_or_never().is_none()));
    (0..2500).for_each(|_| assert!(questions.answer(1)));
    assert!(look_ups.into_iter().all(|look_up| look_up.now_or_never().unwrap().is_ok()));
    // An answer from the cache is ready at the first poll.
    let cached = (0..2500).filter(|port| resolver.resolve("a.example", *port).now_or_never().is_some()).count();
    assert!((1..=1000).contains(&cached), "{cached} answers are cached");
}

#[test]
fn full_cache_still_records_answers_of_simultaneous_questions() {
    let (resolver, questions, _) = cache();
    let known = |resolver: &CachingResolver, port| resolver.resolve("a.example", port).now_or_never().is_some();
    for port in 0..999 {
        let look_up = resolver.resolve("a.example", port);
        let mut look_up = look_up;
        assert!((&mut look_up).now_or_never().is_none() && questions.answer(1) && look_up.now_or_never().is_some());
    }
    let mut look_ups = Vec::from_iter((2000..2010).map(|port| resolver.resolve("a.example", port)));
    assert!(look_ups.iter_mut().all(|look_up| look_up.now_or_never().is_none()));
    (0..10).for_each(|_| assert!(questions.answer(1)));
    assert!(look_ups.into_iter().all(|look_up| look_up.now_or_never().is_some()));
    assert!((2000..2010).all(|port| known(&resolver, port)));
}

#[test]
fn answer_without_an_address_is_not_cached() {
    let (resolver, questions, _) = cache();
    let first = look_up(&resolver, 1);
    questions.0.lock().unwrap().pop_front().unwrap().send(Vec::new()).unwrap();
    assert!(first.now_or_never().unwrap().unwrap().is_empty());
    let second = look_up(&resolver, 1);
    assert!(questions.answer(1));
    assert_eq!(second.now_or_never().unwrap().unwrap(), [address(1)]);
}
