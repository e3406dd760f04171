"""Tables as people and programs write them: CSV, TSV, workbooks, and what single cells mean."""
