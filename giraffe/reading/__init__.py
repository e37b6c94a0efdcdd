"""Pictures → what people see: readings, tables, heat, reports, the page in the browser."""
