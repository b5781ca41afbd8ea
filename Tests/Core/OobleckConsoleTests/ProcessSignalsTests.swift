import Foundation
import OobleckConsole
import Testing

@Suite(.timeLimit(.minutes(5))) struct ProcessSignalsTests {
    @Test("signals go to whoever asked last, and to the outermost when nobody else is there")
    func order() async {
        let signals = ProcessSignals()
        let told = Shared<[String]>([])
        await signals.handling { request in
            told.change { $0.append("inner \(request)") }
        } during: {
            await signals.handling(isOutermost: true) { request in
                told.change { $0.append("outer \(request)") }
            } during: {
                signals.receive(SIGUSR1)
            }
            signals.receive(SIGINT)
        }
        #expect(told.value == ["inner save", "inner stop"])
        #expect(signals.stopSignal == SIGINT)
        await signals.handling(isOutermost: true) { request in
            told.change { $0.append("outer \(request)") }
        } during: {
            signals.receive(SIGTERM)
        }
        // Whoever comes later is told what was asked before.
        #expect(told.value.suffix(2) == ["outer stop", "outer stopNow"])
        signals.receive(SIGTERM)
        #expect(told.value.count == 4)
    }
}
