//! Draws an interface of egui whose button starts a request. A program passes `App::show` to `eframe::run_ui_native`; this
//! program has no window, and prints what the interface shows.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, mpsc};

use waterspout::Client;
use waterspout::tornado::EventLoop;

/// The interface. A request runs on the loop, so that no frame waits for it.
struct App {
    client: Client,
    events: EventLoop,
    url: String,
    fetch: Arc<Mutex<Fetch>>,
}

#[derive(Clone, Default)]
enum Fetch {
    #[default]
    Idle,
    Running,
    Done(String),
    Failed(String),
}

impl App {
    fn new(client: Client, url: String) -> Self {
        Self { client, events: EventLoop::new(), url, fetch: Arc::default() }
    }

    /// Draws a frame.
    fn show(&mut self, ui: &mut egui::Ui) {
        let label = ui.label("URL");
        ui.text_edit_singleline(&mut self.url).labelled_by(label.id);
        let fetch = self.fetch.lock().unwrap().clone();
        let is_running = matches!(fetch, Fetch::Running);
        if ui.add_enabled(!is_running, egui::Button::new("Fetch")).clicked() {
            self.start(ui.ctx().clone());
        }
        match fetch {
            Fetch::Idle => ui.label("Press the button"),
            Fetch::Running => ui.label("Loading"),
            Fetch::Done(text) => ui.label(text),
            Fetch::Failed(error) => ui.colored_label(ui.visuals().error_fg_color, error),
        };
    }

    /// Starts the request. Its end repaints the interface.
    fn start(&self, context: egui::Context) {
        *self.fetch.lock().unwrap() = Fetch::Running;
        let fetch = self.fetch.clone();
        let request = self.client.get(&self.url);
        self.events.spawn(async move {
            let text = async { request.await?.error_for_status()?.text().await }.await;
            *fetch.lock().unwrap() = match text {
                Ok(text) => Fetch::Done(text),
                Err(error) => Fetch::Failed(error.to_string()),
            };
            context.request_repaint();
        });
    }
}

fn main() {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://example.com/".to_owned());
    let mut app = App::new(Client::new(), url);
    let context = egui::Context::default();
    let (sender, repaints) = mpsc::channel();
    context.set_request_repaint_callback(move |_| sender.send(()).unwrap_or_default());
    app.start(context.clone());
    while matches!(*app.fetch.lock().unwrap(), Fetch::Running) {
        repaints.recv().unwrap_or_default();
    }
    let output = context.run_ui(egui::RawInput::default(), |ui| app.show(ui));
    println!("{} shapes", output.shapes.len());
}
