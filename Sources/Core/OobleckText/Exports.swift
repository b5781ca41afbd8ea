// Widths, tables and folding are those of the package of the planner.
@_exported import OobleckWords
