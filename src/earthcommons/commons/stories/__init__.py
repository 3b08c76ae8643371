"""Stories that cross the purposes: compute and publish, trace, verify, capsule, briefing."""
