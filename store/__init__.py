"""The only home of SQL: named queries in sql/*.sql, one repository module per noun, one unit of work."""
