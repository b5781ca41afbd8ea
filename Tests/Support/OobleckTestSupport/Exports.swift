// Seeded cases and folders of tests are those of the package of the planner.
@_exported import OobleckSeeds
