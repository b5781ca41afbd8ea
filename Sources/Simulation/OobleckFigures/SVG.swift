/// Writes the few shapes that figures are made of as Scalable Vector Graphics 1.1.
///
/// Colours may be variables of a page's style, `var(--ink)`, so that they follow its light or dark mode.
package struct SVG {
    /// An empty picture.
    package init() {}

    /// Where a text stands relative to its point.
    package enum Anchor: String {
        case start
        case middle
        case end
    }

    private var elements: [String] = []

    package mutating func rectangle(
        x: Double,
        y: Double,
        width: Double,
        height: Double,
        fill: String,
        title: String? = nil,
        stroke: String? = nil,
        dash: String? = nil
    ) {
        let shape =
            "<rect x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" width=\"\(Self.number(width))\" "
            + "height=\"\(Self.number(height))\" fill=\"\(fill)\""
            + (stroke.map { " stroke=\"\($0)\"" } ?? "")
            + (dash.map { " stroke-dasharray=\"\($0)\"" } ?? "")
        if let title {
            elements.append("\(shape)><title>\(Self.escaped(title))</title></rect>")
        } else {
            elements.append("\(shape)/>")
        }
    }

    /// Many rectangles of one colour as one shape: in a page of a long run, each would be an element.
    package mutating func rectangles(
        _ boxes: [(x: Double, y: Double, width: Double, height: Double)],
        fill: String
    ) {
        guard !boxes.isEmpty else { return }
        let steps = boxes.map { box in
            let (width, height) = (Self.number(box.width), Self.number(box.height))
            return "M\(Self.number(box.x)) \(Self.number(box.y))h\(width)v\(height)h-\(width)z"
        }
        elements.append("<path d=\"\(steps.joined())\" fill=\"\(fill)\"/>")
    }

    package mutating func line(
        _ from: (x: Double, y: Double),
        _ to: (x: Double, y: Double),
        stroke: String = "#555",
        width: Double = 1,
        dash: String? = nil,
        title: String? = nil
    ) {
        let shape =
            "<line x1=\"\(Self.number(from.x))\" y1=\"\(Self.number(from.y))\" "
            + "x2=\"\(Self.number(to.x))\" y2=\"\(Self.number(to.y))\" stroke=\"\(stroke)\""
            + (width == 1 ? "" : " stroke-width=\"\(Self.number(width))\"")
            + (dash.map { " stroke-dasharray=\"\($0)\"" } ?? "")
        let end = title.map { "><title>\(Self.escaped($0))</title></line>" } ?? "/>"
        elements.append(shape + end)
    }

    /// A line through points.
    package mutating func path(
        _ points: [(x: Double, y: Double)],
        stroke: String,
        width: Double = 2,
        dash: String? = nil
    ) {
        guard points.count > 1 else { return }
        let steps = points.map { "\(Self.number($0.x)),\(Self.number($0.y))" }
        elements.append(
            "<polyline points=\"\(steps.joined(separator: " "))\" fill=\"none\" "
                + "stroke=\"\(stroke)\" stroke-width=\"\(Self.number(width))\""
                + (dash.map { " stroke-dasharray=\"\($0)\"" } ?? "") + "/>"
        )
    }

    /// A closed shape.
    package mutating func polygon(
        _ points: [(x: Double, y: Double)],
        fill: String,
        stroke: String,
        title: String? = nil
    ) {
        let corners = points.map { "\(Self.number($0.x)),\(Self.number($0.y))" }
        let shape =
            "<polygon points=\"\(corners.joined(separator: " "))\" fill=\"\(fill)\" "
            + "stroke=\"\(stroke)\" stroke-width=\"1.5\""
        let end = title.map { "><title>\(Self.escaped($0))</title></polygon>" } ?? "/>"
        elements.append(shape + end)
    }

    /// A text that reads upward, centred on its point.
    package mutating func uprightText(_ text: String, x: Double, y: Double, size: Double = 12) {
        let place = "\(Self.number(x)) \(Self.number(y))"
        elements.append(
            "<text transform=\"translate(\(place)) rotate(-90)\" font-size=\"\(Self.number(size))\" "
                + "text-anchor=\"middle\" fill=\"#111\">\(Self.escaped(text))</text>"
        )
    }

    package mutating func text(
        _ text: String,
        x: Double,
        y: Double,
        size: Double = 12,
        anchor: Anchor = .start,
        fill: String = "#111",
        isBold: Bool = false
    ) {
        elements.append(
            "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" font-size=\"\(Self.number(size))\" "
                + "text-anchor=\"\(anchor.rawValue)\" fill=\"\(fill)\""
                + (isBold ? " font-weight=\"bold\"" : "") + ">\(Self.escaped(text))</text>"
        )
    }

    /// The picture as a part of a page, which says what it shows to those who cannot see it.
    package func part(width: Double, height: Double, label: String) -> String {
        let box = "0 0 \(Self.number(width)) \(Self.number(height))"
        return "<svg viewBox=\"\(box)\" role=\"img\" aria-label=\"\(Self.escaped(label))\" "
            + "font-family=\"inherit\">\n\(elements.joined(separator: "\n"))\n</svg>"
    }

    /// The whole file.
    ///
    /// A browser that prefers dark pages shows the colours of `dark` in place of those they stand for;
    /// programs that know no style sheets show the light ones.
    package func document(
        width: Double,
        height: Double,
        dark: [(light: String, dark: String)] = []
    ) -> String {
        let rules = dark.map { light, dark in
            "[fill=\"\(light)\"]{fill:\(dark)}[stroke=\"\(light)\"]{stroke:\(dark)}"
        }
        let style =
            rules.isEmpty
            ? ""
            : "<style>@media (prefers-color-scheme: dark){\(rules.joined())}</style>\n"
        let size = "width=\"\(Self.number(width))\" height=\"\(Self.number(height))\""
        let box = "viewBox=\"0 0 \(Self.number(width)) \(Self.number(height))\""
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <svg xmlns="http://www.w3.org/2000/svg" \(size) \(box) font-family="sans-serif">
            \(style)<rect width="100%" height="100%" fill="#ffffff"/>
            \(elements.joined(separator: "\n"))
            </svg>

            """
    }

    /// A text in lines that fit a width, broken between words.
    package static func lines(_ text: String, width: Double, size: Double) -> [String] {
        // Bold letters are 0.6 of their size wide on average.
        let most = max(8, Int(width / (0.6 * size)))
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= most {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }

    /// Hundredths of a pixel are enough.
    private static func number(_ value: Double) -> String {
        let rounded = (value * 100).rounded() / 100
        return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
    }

    package static func escaped(_ text: String) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            // Control characters have no place in XML.
            case _ where character.value < 0x20: result += " "
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
