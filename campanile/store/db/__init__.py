"""The database: connection, transactions, migrations, named statements, backup."""
