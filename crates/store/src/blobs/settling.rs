//! Between a finish and its row: whose the object is until the transaction that names it has ended, and what of it stays.

use super::session::{Finished, Session, State, object_path, remove};
use super::upload::{Received, UploadError, Uploads};
use crate::catalogue::blobs::NewBlob;
use crate::error::Error;
use crate::seal::ObjectId;
use uuid::Uuid;

impl Uploads {
    /// A finish came to its end, well or not: the upload is over either way.
    pub(super) fn settle(
        &self,
        session: &Session,
        state: &mut State,
        outcome: Result<Finished, UploadError>,
    ) -> Result<Received, UploadError> {
        state.gone = true;
        // With an object the head stays until the row is committed: it tells a restart which object to remove.
        let keeps_head = outcome.as_ref().is_ok_and(|finished| finished.object.is_some());
        if state.stored.is_some() && !keeps_head {
            if outcome.is_err() {
                // Its name may have been given and not have become durable. The object before the head, which tells a
                // restart of it.
                remove(&session.files.object);
            }
            session.files.remove();
        }
        let mut sessions = self.lock();
        if let Ok(Finished { object: Some(NewBlob { inline: None, .. }), .. }) = &outcome {
            sessions.settling.insert(session.id);
        }
        sessions.open.remove(&session.id);
        drop(sessions);
        outcome.map(|finished| Received::Ended(Box::new(finished)))
    }

    /// The transaction of a finished upload has ended: with its object's row (`used`), so that nothing else is needed any
    /// more, or without it, so that the object is not needed either.
    pub(crate) fn close(&self, finished: &Finished, used: bool) {
        if let Some(NewBlob { object, inline: None, .. }) = &finished.object {
            self.close_file(finished.upload, *object, used);
        }
    }

    /// What became of a finished upload's transaction is not known yet.
    pub(crate) fn doubt(&self, finished: &Finished) {
        if let Some(NewBlob { object, inline: None, .. }) = &finished.object {
            self.lock().doubtful.push((finished.upload, *object));
        }
    }

    /// Closes what was in doubt: now `is_named` tells.
    pub(crate) fn close_doubtful(
        &self,
        is_named: impl Fn(ObjectId) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let doubtful = std::mem::take(&mut self.lock().doubtful);
        let mut outcome = Ok(());
        for (upload, object) in doubtful {
            match is_named(object) {
                Ok(used) => self.close_file(upload, object, used),
                Err(error) => {
                    self.lock().doubtful.push((upload, object));
                    outcome = Err(error);
                }
            }
        }
        outcome
    }

    /// The object before the head: a head without its object would be all that a restart finds.
    fn close_file(&self, upload: Uuid, object: ObjectId, used: bool) {
        if !used {
            remove(&object_path(self.objects(), object));
        }
        let data = self.folder().join(upload.to_string());
        for path in [data.with_extension("tail"), data.with_extension("head")] {
            remove(&path);
        }
        self.lock().settling.remove(&upload);
    }
}
