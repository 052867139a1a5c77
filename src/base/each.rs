//! Work on each of many values, in parallel where that pays.

use rayon::prelude::*;

/// Returns the results of `work` in the order of `items`. Fewer than `parallel_min` items are done by
/// the caller: to hand work to a thread that sleeps takes about a tenth of a millisecond.
///
/// ```
/// # use dropfeed::base::each::map;
/// assert_eq!(map(vec![1, 2, 3], 2, |n| n * n), [1, 4, 9]);
/// ```
pub fn map<T: Send, R: Send>(
    items: Vec<T>,
    parallel_min: usize,
    work: impl Fn(T) -> R + Sync + Send,
) -> Vec<R> {
    if items.len() < parallel_min {
        items.into_iter().map(work).collect()
    } else {
        items.into_par_iter().map(work).collect()
    }
}
