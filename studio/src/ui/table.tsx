/** A table with a caption; on narrow screens it is moved sideways within its own box. */
import type { ReactNode } from "react";

export interface Column<Row> {
  title: ReactNode;
  /** Right-aligned, in figures of one width. */
  number?: boolean;
  cell: (row: Row) => ReactNode;
}

export interface TableProps<Row> {
  caption: ReactNode;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string | number;
  /** Shown in place of no rows. */
  empty?: ReactNode;
}

export function Table<Row>({ caption, columns, rows, rowKey, empty }: TableProps<Row>) {
  if (rows.length === 0 && empty !== undefined) return <p className="nothing">{empty}</p>;
  return (
    // a box that is moved sideways must be reached by keyboard too
    <div className="table-box" tabIndex={0} role="group">
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, number }, index) => (
              <th key={index} scope="col" className={number ? "number" : undefined}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)}>
              {columns.map(({ cell, number }, index) => (
                <td key={index} className={number ? "number" : undefined}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
