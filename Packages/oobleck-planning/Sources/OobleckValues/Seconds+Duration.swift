extension Seconds {
    /// For people, to four digits: `12.34 s`, `84.1 ms`, `3.2 us` or `0 s`.
    public var duration: String {
        if self == .zero { return "0 s" }
        let (unit, scale, places) =
            switch value {
            case 1...: ("s", 1.0, 100.0)
            case 1e-3...: ("ms", 1e3, 10.0)
            default: ("us", 1e6, 10.0)
            }
        return "\((value * scale * places).rounded() / places) \(unit)"
    }
}
