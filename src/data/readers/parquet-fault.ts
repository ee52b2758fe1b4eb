/** What is wrong with a Parquet file, in words that follow "got:". */
export class ParquetFault extends Error {}
