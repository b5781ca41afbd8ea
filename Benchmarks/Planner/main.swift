// Times planning and counts its work; prints one JSON object a line.
//
//     planner-benchmark times     templates, instantiation and replanning, with their limits
//     planner-benchmark counts    work of the template search by layers, nodes and devices
//     planner-benchmark models    plans by sosp23 and by schedule, both judged by the real schedule
//     planner-benchmark hard      a survey of profiles that are hard to plan for, 96 layers each

import Foundation
import OobleckReconfiguration
import OobleckTemplates
import OobleckValues

let benchmark = PlannerBenchmark()
switch CommandLine.arguments.dropFirst().first {
case "times": try benchmark.times()
case "counts": try benchmark.counts()
case "models": try CostModelComparison().run()
case "hard": try HardCases().run()
default:
    FileHandle.standardError.write(Data("usage: planner-benchmark times|counts|models|hard\n".utf8))
    exit(64)
}
