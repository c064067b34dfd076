/** GraphQL over HTTP, for the three GraphQL libraries: a query that returns its variable, and a subscription. */
import { gql } from "graphql-request";
import { json } from "../wire.mjs";

export const QUERY = gql`
  query Echo($text: String!) {
    echo(text: $text)
  }
`;

export const SUBSCRIPTION = gql`
  subscription Tell($text: String!) {
    tell(text: $text)
  }
`;

/** Answers the query. */
export function reply({ url, body }) {
  const { query, variables } = JSON.parse(body);
  const isQuery = url === "/graphql" && query.includes("echo(text: $text)");
  return isQuery ? json({ data: { echo: variables.text } }) : json({ errors: [{ message: `no query at ${url}: ${query}` }] }, 400);
}
