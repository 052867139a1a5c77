//! stub
use super::WordSketch;
impl WordSketch {
    /// stub
    pub fn is_minor_edit(_old: &WordSketch, _new: &WordSketch) -> bool {
        false
    }
    /// stub
    pub fn kept_share(&self, _old: &WordSketch) -> f64 {
        1.0
    }
}
