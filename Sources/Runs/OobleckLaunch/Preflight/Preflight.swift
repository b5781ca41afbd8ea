import Foundation
import OobleckClock
import OobleckCore
import OobleckTransport

/// Checks all hosts at once before a run starts: whether they let us in, have the same program, libtorch
/// and data, and can be reached by the coordinator and by each other.
package struct Preflight: Sendable {
    /// How long one address may take to answer.
    private static let reachTime: Seconds = 3

    let options: SSHOptions
    let program: String
    let interface: String?
    /// How long all that may take for a host.
    let deadline: Seconds
    let job: JobSpecification
    let coordinator: HostPort
    let sharedMark: String?

    package init(
        options: SSHOptions,
        program: String,
        interface: String?,
        deadline: Seconds,
        job: JobSpecification,
        coordinator: HostPort,
        sharedMark: String?
    ) {
        self.options = options
        self.program = program
        self.interface = interface
        self.deadline = deadline
        self.job = job
        self.coordinator = coordinator
        self.sharedMark = sharedMark
    }

    /// A host that was asked, and the session in which it waits for more.
    private struct Asked: Sendable {
        let index: Int
        var report: HostReport
        var session: RemoteSession?
    }

    /// The reports, in the order of the hosts.
    package func run(_ hosts: [HostEntry]) async -> [HostReport] {
        var asked = await withTaskGroup(of: Asked.self) { group in
            for (index, host) in hosts.enumerated() {
                group.addTask { await ask(host, index) }
            }
            var asked: [Asked] = []
            for await one in group { asked.append(one) }
            return asked.sorted { $0.index < $1.index }
        }
        asked = await reach(asked)
        for one in asked { one.session?.end() }
        let end = MonotonicTime.now + 2
        for one in asked {
            // What does not end by itself is ended.
            do { _ = try await one.session?.waitUntilExit(deadline: end) } catch {}
            one.session?.kill()
        }
        return asked.map(\.report)
    }

    private func ask(_ host: HostEntry, _ index: Int) async -> Asked {
        var asked = Asked(index: index, report: HostReport(host))
        do {
            let session = try RemoteSession(host, options: options, program: program)
            asked.session = session
            let end = MonotonicTime.now + deadline
            let connect = min(deadline, options.connectTimeout + 10)
            asked.report.greeting = try await session.greeting(within: connect)
            let before = Date().timeIntervalSince1970
            if case .clock(let time) = try await session.ask(
                .clock,
                within: end - MonotonicTime.now
            ) {
                let after = Date().timeIntervalSince1970
                asked.report.clockOffset = Seconds(time - (before + after) / 2)
            }
            let inquiry = HostInquiry(
                job: job,
                coordinator: coordinator.description,
                listen: host.address ?? interface,
                sharedMark: sharedMark
            )
            do {
                let reply = try await session.ask(.check(inquiry), within: end - MonotonicTime.now)
                if case .checked(let facts) = reply { asked.report.facts = facts }
            } catch RemoteTrouble.silent {
                throw RemoteTrouble.other(
                    "its check is not done after \(Int(deadline.value)) s; the first look at large data "
                        + "takes long: raise --preflight-timeout"
                )
            }
        } catch let trouble as RemoteTrouble {
            asked.report.trouble = trouble
        } catch {
            asked.report.trouble = .other("\(error)")
        }
        return asked
    }

    /// Has all hosts that answer try each other, and tries them from here.
    private func reach(_ asked: [Asked]) async -> [Asked] {
        var targets: [String: String] = [:]
        for one in asked {
            guard let address = one.report.facts?.address, let port = one.report.facts?.port else {
                continue
            }
            targets[HostPort(host: address, port: port).description] = one.report.host.name
        }
        let names = targets
        return await withTaskGroup(of: Asked.self) { group in
            for one in asked { group.addTask { await reach(one, names) } }
            var all: [Asked] = []
            for await one in group { all.append(one) }
            return all.sorted { $0.index < $1.index }
        }
    }

    private func reach(_ one: Asked, _ targets: [String: String]) async -> Asked {
        var one = one
        guard let facts = one.report.facts, let session = one.session, let address = facts.address,
            let port = facts.port
        else { return one }
        let own = HostPort(host: address, port: port)
        one.report.launcherTrouble = await ConnectionProbe.trouble(to: own, within: Self.reachTime)
        let others = targets.keys.filter { $0 != own.description }.sorted()
        do {
            let time = 2 * Self.reachTime + 2
            if case .reached(let troubles) = try await session.ask(.reach(others), within: time) {
                for (target, trouble) in troubles {
                    one.report.peerTroubles[targets[target] ?? target] = trouble
                }
            }
        } catch let trouble as RemoteTrouble {
            one.report.trouble = trouble
        } catch {
            one.report.trouble = .other("\(error)")
        }
        return one
    }
}
