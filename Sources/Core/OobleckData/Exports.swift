// Files are opened and replaced by the package of the planner, which reads profiles and traces too.
@_exported import OobleckFiles
