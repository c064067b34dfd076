// The frame of all pages; the icon is empty so that no browser asks for one.
export const metadata = { icons: "data:," };

export default ({ children }) => (
  <html lang="en">
    <body>{children}</body>
  </html>
);
