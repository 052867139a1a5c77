//! `dropfeed import` over the state of a stopped dropfeed.

use std::process::ExitCode;
use std::sync::Arc;

use crate::config::Config;
use crate::engine::renderer::Renderer;
use crate::engine::{self, Engine, Import, Parts, Rehearsal};
use crate::ops::clock::{Clock, SystemClock};
use crate::publish::{Published, Watching};
use crate::source::{Inbox, Tree};
use crate::store::feeds::recover;
use crate::store::{self, Database, Projector, Store, Target};

use super::open::{Refusal, prepare};
use super::refused;

/// Imports an old feed while dropfeed does not run. Nothing but the state is written. The inner
/// `Err` is an exit status, after the reason was reported.
///
/// # Errors
/// A sentence that says why nothing was imported.
pub fn import(
    config: Config,
    import: Import,
) -> anyhow::Result<Result<Option<Rehearsal>, ExitCode>> {
    match open_offline(config, &import) {
        Ok(mut engine) => Ok(Ok(engine.obey_import(import)?)),
        Err(refusal) => Ok(Err(refused(&refusal)?)),
    }
}

/// Opens an engine that neither watches nor projects.
fn open_offline(config: Config, import: &Import) -> Result<Engine, Refusal> {
    let articles = &config.articles;
    let tree = match Tree::open(&articles.dir, &articles.ignore, articles.max_bytes) {
        Ok(tree) => tree,
        Err(error) => {
            return Err(Refusal::Config(format!("{error}; {}", error.remedy())));
        }
    };
    let store: Box<dyn Store> = match import {
        // A rehearsal must not create a state.
        Import::Rehearse(_) if !store::has_state(&config.state.dir) => Box::new(store::Nothing),
        _ => Box::new(Database::open(prepare(&config)?)?),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let renderer = Arc::new(Renderer::new(Arc::clone(&clock)));
    renderer.set_tree(Arc::new(tree));
    let target: Box<dyn Target> = Box::new(store::Nothing);
    let (feeds, site_id) = (config.feeds.dir.clone(), config.site.id.clone());
    let parts = Parts {
        inbox: Arc::new(Inbox::new(engine::settling(&config.articles))),
        config: Arc::new(config),
        store,
        projector: Projector::new(target, Vec::new()),
        renderer,
        published: Arc::new(Published::default()),
        clock,
        watching: Watching::default(),
    };
    let mut engine = Engine::start(parts)?;
    if engine.is_first_scan() {
        engine.adopt(recover::recover(&feeds, &site_id));
    }
    Ok(engine)
}
