//! The wait for a slot.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::rate::{Nanos, instant};
use super::requests::{Refusal, Ticket};
use super::wake_list::Later;
use super::{Caller, Place, Queue, Slot};
use crate::runtime::BoxFuture;

/// The wait for a [`Slot`].
///
/// Where only time is missing, one of those that wait watches the clock for all. It is the next in line, and hands that
/// on when it leaves. One that is neither polled nor dropped holds up those behind it, as it would with a slot.
pub(crate) struct Acquire<'a> {
    queue: Arc<Queue>,
    caller: Caller<'a>,
    ticket: Option<Ticket>,
    alarm: Option<(Nanos, BoxFuture<'static, ()>)>,
}

impl<'a> Acquire<'a> {
    pub(super) fn new(queue: Arc<Queue>, caller: Caller<'a>) -> Self {
        Self { queue, caller, ticket: None, alarm: None }
    }

    /// Joins the line, or looks what has become of the place in it.
    fn look(&mut self, cx: &Context<'_>) -> Look {
        let now = self.queue.now();
        let mut later = Later::default();
        let look = match self.ticket {
            None => self.join(cx, now, &mut later),
            Some(ticket) => {
                let mut line = self.queue.lock();
                match line.poll(ticket, cx, now, &mut later) {
                    Poll::Ready(result) => Look::Over(result.map(|()| ticket)),
                    Poll::Pending => Look::Waits(line.watches(ticket)),
                }
            }
        };
        later.run();
        look
    }

    fn join(&mut self, cx: &Context<'_>, now: Nanos, later: &mut Later) -> Look {
        let Self { queue, caller, .. } = self;
        let mut line = queue.lock();
        if queue.turns_away(&line, caller) {
            return Look::Over(Err(Refusal::Closed));
        }
        line.dispatch(now, later);
        if let Some(ticket) = line.start(caller.origin, now) {
            line.settle(None, later);
            return Look::Over(Ok(ticket));
        }
        let joined = line.join(caller.origin, caller.priority, caller.again, cx.waker(), now);
        line.settle(joined.ok(), later);
        match joined {
            Ok(ticket) => {
                self.ticket = Some(ticket);
                Look::Waits(line.watches(ticket))
            }
            Err(refusal) => Look::Over(Err(refusal)),
        }
    }

    /// Where it waits, if it does.
    pub(crate) fn place(&self) -> Option<Place> {
        let ticket = self.ticket?;
        let serial = self.queue.lock().serial(ticket);
        Some(Place { queue: Arc::downgrade(&self.queue), ticket, serial })
    }
}

/// What a look says.
enum Look {
    Over(Result<Ticket, Refusal>),
    /// If this is the one that watches the clock, for when.
    Waits(Option<Nanos>),
}

impl Future for Acquire<'_> {
    type Output = Result<Slot, Refusal>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Slot, Refusal>> {
        let this = &mut *self;
        loop {
            let tick = match this.look(cx) {
                Look::Waits(Some(tick)) => tick,
                Look::Waits(None) => {
                    this.alarm = None;
                    return Poll::Pending;
                }
                Look::Over(result) => {
                    (this.ticket, this.alarm) = (None, None);
                    return Poll::Ready(result.map(|ticket| Slot::new(this.queue.clone(), ticket)));
                }
            };
            let (_, alarm) = match this.alarm.take() {
                Some((at, alarm)) if at == tick => this.alarm.insert((at, alarm)),
                _ => this.alarm.insert((tick, this.queue.timer.sleep_until(instant(tick)))),
            };
            ready!(alarm.as_mut().poll(cx));
            this.alarm = None;
            this.queue.change(|_, _, _| ());
        }
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.queue.leave(ticket);
        }
    }
}
