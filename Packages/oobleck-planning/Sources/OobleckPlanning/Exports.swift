// One import brings what the planner is made of.
@_exported public import OobleckReconfiguration
@_exported public import OobleckSchedule
@_exported public import OobleckTemplates
@_exported public import OobleckValues
