//! Transactions: what is answered, what stays, what a reader sees.

use super::conform;

conform! {
    a_thousand_writes_at_once_are_all_answered
    a_failing_closure_fails_alone
    success_is_visible_when_it_is_told
    a_read_sees_one_state
    what_was_queued_is_committed_before_closing
}

mod on_any_engine {
    use crate::catalogue::suite::{number, open, read, write};
    use crate::catalogue::{Catalogue, Tx, accounts};
    use crate::error::Error;
    use std::sync::mpsc;

    fn insert(tx: &Tx<'_>, id: &str) -> Result<(), Error> {
        assert!(accounts::insert(tx, id, 1)?, "{id} is there already");
        Ok(())
    }

    fn accounts(catalogue: &Catalogue) -> Vec<String> {
        read(catalogue, |tx| tx.many("SELECT id FROM account ORDER BY id", [], |row| row.get(0)))
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().build().unwrap()
    }

    pub(super) fn a_thousand_writes_at_once_are_all_answered(catalogue: &Catalogue) {
        std::thread::scope(|scope| {
            for thread in 0..10 {
                scope.spawn(move || {
                    runtime().block_on(async {
                        let mut waiting = Vec::new();
                        for number in thread * 100..(thread + 1) * 100 {
                            let mut write = Box::pin(catalogue.write(move |tx| {
                                insert(tx, &format!("{number:04}"))?;
                                Ok::<_, Error>(number)
                            }));
                            // Queued now, awaited when all are.
                            let queued =
                                std::future::poll_fn(|cx| std::task::Poll::Ready(write.as_mut().poll(cx)));
                            match queued.await {
                                std::task::Poll::Ready(answer) => assert_eq!(answer.unwrap(), number),
                                std::task::Poll::Pending => waiting.push((number, write)),
                            }
                        }
                        for (number, write) in waiting {
                            assert_eq!(write.await.unwrap(), number, "each its own answer");
                        }
                    });
                });
            }
        });
        let expected: Vec<_> = (0..1000).map(|number| format!("{number:04}")).collect();
        assert_eq!(accounts(catalogue), expected);
    }

    /// The closures between the first, which holds the writer until all are queued, and the last are one commit: inside
    /// it no reader sees any of them.
    pub(super) fn a_failing_closure_fails_alone(catalogue: &Catalogue) {
        let (release, held) = mpsc::channel::<()>();
        let held = std::sync::Mutex::new(held);
        let (seen, inside) = mpsc::channel();
        // A reader of another thread; it asks when the last closure of the batch runs.
        let (ask, asked) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while asked.recv().is_ok() {
                    seen.send(accounts(catalogue)).unwrap();
                }
            });
            let inside = std::sync::Mutex::new(inside);
            let outcome = runtime().block_on(async move {
                tokio::join!(
                    catalogue.write(move |_| {
                        held.lock().unwrap().recv().unwrap();
                        Ok::<_, Error>(())
                    }),
                    catalogue.write(|tx| insert(tx, "first")),
                    catalogue.write(|tx| {
                        insert(tx, "refused")?;
                        Err::<(), _>(Error::Closed)
                    }),
                    catalogue.write(|tx| {
                        insert(tx, "half")?;
                        tx.execute("INSERT INTO nowhere VALUES (1)", [])
                    }),
                    catalogue.write(|tx| {
                        insert(tx, "panicked")?;
                        std::panic::resume_unwind(Box::new("a panic that the suite wants"));
                        #[expect(unreachable_code, reason = "gives the closure its type")]
                        Ok::<_, Error>(())
                    }),
                    catalogue.write(move |tx| {
                        // What failed before left nothing, what worked is there.
                        assert_eq!(number(tx, "SELECT count(*) FROM account")?, 1);
                        insert(tx, "last")?;
                        ask.send(()).unwrap();
                        Ok::<_, Error>(inside.lock().unwrap().recv().unwrap())
                    }),
                    async { release.send(()).unwrap() },
                )
            });
            assert!(outcome.0.is_ok() && outcome.1.is_ok());
            assert!(matches!(outcome.2, Err(Error::Closed)), "with its own error: {:?}", outcome.2);
            assert!(matches!(outcome.3, Err(Error::Sql(_))), "{:?}", outcome.3);
            assert!(matches!(outcome.4, Err(Error::Panicked)), "{:?}", outcome.4);
            assert!(outcome.5.unwrap().is_empty(), "they were one commit");
        });
        assert_eq!(accounts(catalogue), ["first", "last"]);
        assert!(!catalogue.is_read_only());
        write(catalogue, |tx| insert(tx, "next"));
    }

    pub(super) fn success_is_visible_when_it_is_told(catalogue: &Catalogue) {
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || {
                    for number in 0..50 {
                        let id = format!("{thread}-{number}");
                        let at = id.clone();
                        write(catalogue, move |tx| insert(tx, &at));
                        let sql = "SELECT 1 FROM account WHERE id = ?1";
                        let found = read(catalogue, |tx| tx.one(sql, [&id], |row| row.get::<_, i64>(0)));
                        assert_eq!(found, Some(1), "{id}");
                    }
                });
            }
        });
    }

    pub(super) fn a_read_sees_one_state(catalogue: &Catalogue) {
        let count = |tx: &Tx<'_>| number(tx, "SELECT count(*) FROM account");
        write(catalogue, |tx| insert(tx, "before"));
        read(catalogue, |tx| {
            assert_eq!(count(tx)?, 1);
            for number in 0..3 {
                write(catalogue, move |tx| insert(tx, &format!("meanwhile {number}")));
                assert_eq!(count(tx)?, 1, "this state");
                assert_eq!(read(catalogue, count), 2 + number, "a new reader's");
            }
            Ok(())
        });
        assert_eq!(read(catalogue, count), 4);
        // A reader that failed or panicked is not in the way of the next.
        let failed = catalogue.read(|_| Err::<(), _>(Error::Closed));
        assert!(matches!(failed, Err(Error::Closed)));
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            catalogue.read(|_| -> Result<(), Error> { std::panic::resume_unwind(Box::new("wanted")) })
        }));
        assert!(panicked.is_err());
        assert_eq!(read(catalogue, count), 4);
        let written = catalogue.read(|tx| accounts::insert(tx, "read", 1));
        assert!(matches!(written, Err(Error::Sql(_))), "a reader does not write: {written:?}");
        assert_eq!(read(catalogue, count), 4);
    }

    pub(super) fn what_was_queued_is_committed_before_closing(_: &Catalogue) {
        let opened = open();
        let catalogue = Catalogue::open(opened.folder.path()).unwrap();
        runtime().block_on(async {
            for number in 0..100 {
                let mut write = Box::pin(catalogue.write(move |tx| insert(tx, &format!("{number:03}"))));
                // Nobody waits for the answer.
                std::future::poll_fn(|cx| std::task::Poll::Ready(write.as_mut().poll(cx).is_ready())).await;
            }
        });
        drop(catalogue);
        assert_eq!(accounts(&opened.catalogue).len(), 100);
    }
}
