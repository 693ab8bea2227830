"""The nouns: frozen records, enums and ARNs, in ECS's and ELB's own words. Standard library only."""
