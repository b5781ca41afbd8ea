// The planner's values and the wording of messages are those of the package of the planner. One import
// of `OobleckCore` brings them.
@_exported import OobleckValues
@_exported import OobleckWords
