// One import brings what the planner is made of.
@_exported import OobleckReconfiguration
@_exported import OobleckSchedule
@_exported import OobleckTemplates
@_exported import OobleckValues
