//! Players in frames: a feed gets a link to the page of the video.

/// The page of the video whose player has this source; the source itself if it is not a known
/// player.
pub(super) fn watch_url(source: &str) -> String {
    const PLAYERS: [&str; 3] =
        ["youtube.com/embed/", "youtube-nocookie.com/embed/", "youtube.com/v/"];
    let bare = source.trim_start_matches("https:").trim_start_matches("http:");
    let bare = bare.trim_start_matches("//").trim_start_matches("www.");
    for player in PLAYERS {
        match bare.strip_prefix(player) {
            // A list of videos has no page of its own under that id.
            Some(rest) if !rest.starts_with("videoseries") => {
                return format!("https://www.youtube.com/watch?v={}", first_segment(rest));
            }
            _ => {}
        }
    }
    match bare.strip_prefix("player.vimeo.com/video/") {
        Some(rest) => format!("https://vimeo.com/{}", first_segment(rest)),
        None => source.to_owned(),
    }
}

fn first_segment(path: &str) -> &str {
    path.split(['?', '&', '#', '/']).next().unwrap_or_default()
}
