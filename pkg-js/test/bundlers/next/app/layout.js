// The frame of all pages. The icon is empty, so that browsers do not ask for an icon.
export const metadata = { icons: "data:," };

export default ({ children }) => (
  <html lang="en">
    <body>{children}</body>
  </html>
);
