"""READ a DDL statement into values. Nothing here touches the warehouse."""
