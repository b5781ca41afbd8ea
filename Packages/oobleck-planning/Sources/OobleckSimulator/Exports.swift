// One import brings the planner too, whose values experiments are made of.
@_exported public import OobleckPlanning
