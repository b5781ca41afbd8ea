/// The files of the page, which are parts of the program.
enum PageFiles {
    /// A file and its type.
    struct File {
        var type: String
        var bytes: [UInt8]
    }

    private static let script = "text/javascript; charset=utf-8"

    /// The files by the names under which they are served; the page itself is `index.html`.
    static let all: [String: File] = [
        "index.html": File(type: "text/html; charset=utf-8", bytes: PackageResources.index_html),
        "style.css": File(type: "text/css; charset=utf-8", bytes: PackageResources.style_css),
        "main.js": File(type: script, bytes: PackageResources.main_js),
        "server.js": File(type: script, bytes: PackageResources.server_js),
        "draw.js": File(type: script, bytes: PackageResources.draw_js),
        "charts.js": File(type: script, bytes: PackageResources.charts_js),
        "lanes.js": File(type: script, bytes: PackageResources.lanes_js),
        "list.js": File(type: script, bytes: PackageResources.list_js),
        "run.js": File(type: script, bytes: PackageResources.run_js),
        "parts.js": File(type: script, bytes: PackageResources.parts_js),
    ]

    /// Whether this is the path of a file of the page.
    static func isFile(_ path: String) -> Bool {
        path == "/" || path.first == "/" && all[String(path.dropFirst())] != nil
    }

    /// What the page may load and do: its own files and the server's answers, nothing else.
    static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        + "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
